"""A small client of the emulator: AWS calls, its own endpoints, and pushes to its registries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from ecr_emulator.domain.names import Registry
from ecr_emulator.seeds.images import Blob, ImageContents, RawManifest
from ecr_emulator.transports import Answer, Transport

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_CODE, _MESSAGE = re.compile(rb"<Code>([^<]*)</Code>"), re.compile(rb"<Message>([^<]*)</Message>")
TARGETS = {
    "ecr": "AmazonEC2ContainerRegistry_V20150921",
    "kms": "TrentService",
    "secretsmanager": "secretsmanager",
}
"""Services of the JSON protocol, with the prefixes of their operations in ``X-Amz-Target``."""


class CallRefused(Exception):
    """The emulator refused a call. ``code`` is AWS's name of the error, a code of the registry, or empty."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code


class EmulatorClient:
    """Calls an emulator as the root user of any account. ``admin_token`` is the one that it was started with."""

    def __init__(self, transport: Transport, admin_token: str | None = None) -> None:
        self._transport = transport
        self._admin_token = admin_token

    def call(self, registry: Registry, operation: str, service: str = "ecr", **parameters: Any) -> dict[str, Any]:
        """Call an operation of AWS in the account and the Region of a registry. Raises ``CallRefused``."""
        headers = {
            "Authorization": _signature(registry, service),
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"{TARGETS[service]}.{operation}",
        }
        return self._document("POST", "/", headers, parameters)

    def iam(self, registry: Registry, operation: str, **parameters: str) -> Element:
        """Call an operation of IAM in the account of a registry; return the XML answer. Raises ``CallRefused``."""
        from xml.etree.ElementTree import fromstring

        headers = {
            "Authorization": _signature(registry, "iam"),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        query = {"Action": operation, "Version": "2010-05-08", **parameters}
        return fromstring(self._content("POST", "/", headers, urlencode(query).encode()))  # noqa: S314 - of the emulator

    def home(self) -> Registry:
        """Return the registry of callers that name none. Raises ``CallRefused``."""
        answer = self.get("/_ecr/rules")
        return Registry(answer["account"], answer["region"])

    def get(self, path: str) -> dict[str, Any]:
        """Get from one of the emulator's own endpoints. Raises ``CallRefused``."""
        return self._document("GET", path, self._admin_headers())

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Post to one of the emulator's own endpoints. Raises ``CallRefused``."""
        return self._document("POST", path, {"Content-Type": "application/json"} | self._admin_headers(), body)

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        """Put to one of the emulator's own endpoints. Raises ``CallRefused``."""
        return self._document("PUT", path, {"Content-Type": "application/json"} | self._admin_headers(), body)

    def download(self, path: str) -> Answer:
        """Get a file from one of the emulator's own endpoints. Raises ``CallRefused``."""
        answer = self._transport.send("GET", path, self._admin_headers())
        if answer.status >= 400:
            raise _refusal(answer.status, answer.read())
        return answer

    def upload(self, path: str, file: BinaryIO, size: int, media_type: str) -> None:
        """Put a file to one of the emulator's own endpoints. Raises ``CallRefused``."""
        headers = self._admin_headers() | {"Content-Type": media_type, "Content-Length": str(size)}
        answer = self._transport.send("PUT", path, headers, file)
        content = answer.read()
        if answer.status >= 400:
            raise _refusal(answer.status, content)

    def delete(self, path: str) -> dict[str, Any]:
        """Delete at one of the emulator's own endpoints. Raises ``CallRefused``."""
        return self._document("DELETE", path, self._admin_headers())

    def push(self, registry: Registry, repository: str, image: ImageContents, tags: tuple[str, ...] = ()) -> None:
        """Push an image to a repository under all tags, or without one, as docker does. Raises ``CallRefused``."""
        path = repository_path(registry, repository)
        ImagePush(self._transport, path, self.authorization(registry)).image(image, tags)

    def authorization(self, registry: Registry) -> dict[str, str]:
        """Return the header with which docker pushes and pulls. Raises ``CallRefused``."""
        (data,) = self.call(registry, "GetAuthorizationToken")["authorizationData"]
        return {"Authorization": f"Basic {data['authorizationToken']}"}

    def fetch(self, path: str, headers: Mapping[str, str]) -> Answer:
        """Get something from a registry; the body is still to be read. Raises ``CallRefused``."""
        answer = self._transport.send("GET", path, headers)
        if answer.status >= 400:
            raise _refusal(answer.status, answer.read())
        return answer

    def _admin_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._admin_token}"} if self._admin_token else {}

    def _document(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        document: dict[str, Any] = json.loads(self._content(method, path, headers, raw) or b"{}")
        return document

    def _content(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> bytes:
        answer = self._transport.send(method, path, {**headers, "Content-Length": str(len(raw))}, BytesIO(raw))
        content = answer.read()
        if answer.status >= 400:
            raise _refusal(answer.status, content)
        return content


def _signature(registry: Registry, service: str) -> str:
    scope = f"Credential={registry.id}/20150101/{registry.region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"


def repository_path(registry: Registry, repository: str) -> str:
    """Return the path of a repository, as it is found whoever asks."""
    return f"/v2/{registry.id}/{registry.region}/{repository}"


class ImagePush:
    """Pushes images and parts of images to the repository at ``path``, like ``/v2/team/app``, of any registry.

    All methods raise ``CallRefused``.
    """

    def __init__(self, transport: Transport, path: str, authorization: Mapping[str, str]) -> None:
        self._transport = transport
        self._path = path
        self._authorization = dict(authorization)

    def image(self, image: ImageContents, tags: tuple[str, ...] = ()) -> None:
        """Push an image under all tags, or without one."""
        for blob in image.blobs:
            self.blob(blob)
        for manifest in image.manifests[:-1]:
            self.manifest(manifest, manifest.digest)
        for reference in tags or (image.digest,):
            self.manifest(image.top, reference)

    def blob(self, blob: Blob) -> None:
        """Push a blob unless the repository has it."""
        if self._send("HEAD", f"{self._path}/blobs/{blob.digest}", missing=True).status == 200:
            return
        location = urlsplit(self._send("POST", f"{self._path}/blobs/uploads/").headers["location"])
        query = "&".join(filter(None, (location.query, f"digest={blob.digest}")))
        with blob.open() as content:
            self._send("PUT", f"{location.path}?{query}", content, blob.size, "application/octet-stream")

    def manifest(self, manifest: RawManifest, reference: str) -> None:
        """Push a manifest under a tag or its digest."""
        path = f"{self._path}/manifests/{reference}"
        self._send("PUT", path, BytesIO(manifest.raw), len(manifest.raw), manifest.media_type)

    def _send(
        self,
        method: str,
        path: str,
        body: BinaryIO | None = None,
        size: int = 0,
        media_type: str = "",
        *,
        missing: bool = False,
    ) -> Answer:
        """Send a request; ``missing`` lets a 404 pass."""
        headers = self._authorization | {"Content-Length": str(size)}
        if media_type:
            headers["Content-Type"] = media_type
        answer = self._transport.send(method, path, headers, body)
        content = answer.read()
        if answer.status >= 400 and not (missing and answer.status == 404):
            raise _refusal(answer.status, content)
        return answer


def _refusal(status: int, content: bytes) -> CallRefused:
    """Return the error in the body of an answer of either plane, of IAM, or of the emulator's own endpoints."""
    code = _CODE.search(content)
    message = _MESSAGE.search(content)
    if code and message:
        return CallRefused(code[1].decode(), unescape(message[1].decode()))
    try:
        document = json.loads(content)
        if "errors" in document:
            return CallRefused(document["errors"][0]["code"], document["errors"][0]["message"])
        if "__type" in document:
            return CallRefused(
                document["__type"].rpartition("#")[2], document.get("message") or document.get("Message")
            )
        return CallRefused("", document["error"])
    except (ValueError, LookupError, TypeError):
        return CallRefused("", f"the emulator answered {status}")
