"""Requests of the API and of the registry: mostly valid, nearly valid, or hostile, as bytes for a connection."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import botocore.session

from ecr_emulator.domain.names import digest_of
from ecr_emulator.testing.upstream.images import artifact, image, index, layer
from scripts.torture.clients import ACCOUNT, REGION, TARGET
from scripts.torture.fuzz_values import NAMES, TAGS, Values

CONTENT_TYPES = (
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/json", "application/octet-stream", "text/plain; charset=latin-9", "",
)  # fmt: skip
METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
RANGES = (
    "bytes=0-", "bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=99999999999999999999-", "bytes=0-1,3-4", "bytes=a-b",
    "0-99", "100-199", "-", "1-0", "\u00b2-\u00b3",
)  # fmt: skip
CONDITIONS = ("If-None-Match", "If-Match", "Accept", "If-Range")
PAGES = (
    "", "?n=1", "?n=0", "?n=-1", "?n=x", f"?n={'9' * 30}", "?n=1&last=%00", "?last=v1", "?artifactType=a%2Fb",
)  # fmt: skip
BAD_BODIES = (b"", b"{", b"[]", b"null", b'"', b"\xff\xfe", b"[" * 100_000, b'{"a":1,"a":2}')
BAD_TARGETS = (TARGET, TARGET + "DeleteEverything", TARGET + "x" * 5_000)
BAD_CREDENTIALS = ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "Basic !", "Bearer x", "AWS4-HMAC-SHA256 a/b/c")
BAD_LENGTHS = ("-1", "abc", "1, 2", "0x10", "99999999999999999999")
BAD_CHUNKS = (b"zz\r\n", b"5\r\nab\r\n", b"ffffffffffffffffff\r\n", b"-1\r\n\r\n", b"0\r\n\r\n")
BAD_PATHS = (
    "/v2/\x7f/tags/list", "/v2/" + "a" * 70_000, "/v2//", "/v2/%", "/v2/%zz/tags/list", "/v2/../v2/",
    "/v2/\u00e9/tags/list",
)  # fmt: skip
BAD_METHODS = ("", "G\tT", "get", "A" * 300, "\x00")
IMAGES = [image(f"fuzz {number}") for number in range(6)]
INDEXES = [index(*IMAGES[:2]), index(IMAGES[2])]
ARTIFACTS = [artifact(IMAGES[0], number) for number in range(2)]
BLOBS = [blob for each in (*IMAGES, *ARTIFACTS) for blob in each.blobs] + [layer("large", 300_000)]
MANIFESTS = [*IMAGES, *INDEXES, *ARTIFACTS]


@dataclass(slots=True)
class Request:
    """A request. ``is_broken`` says that it is no HTTP, so that a server may end the connection without an answer."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_broken: bool = False

    def __bytes__(self) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if "Content-Length" not in self.headers and "Transfer-Encoding" not in self.headers:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + self.body


class Requests:
    """Makes requests; ``values`` remembers what was answered."""

    def __init__(self, chance: random.Random, token: str) -> None:
        self._chance = chance
        self._token = token
        self._model = botocore.session.get_session().get_service_model("ecr")
        self.values = Values(chance)
        for blob in BLOBS:
            self.values.keep("layerDigest", blob.digest)
        for manifest in MANIFESTS:
            self.values.keep("imageDigest", manifest.digest)
            self.values.keep("imageManifest", manifest.raw.decode())

    def next(self) -> Request:
        """Make a request."""
        made = self._api() if self._chance.random() < 0.5 else self._registry()
        if self._chance.random() < 0.03:
            self._break(made)
        return made

    # --- The API -----------------------------------------------------------------------------------------------

    def _api(self) -> Request:
        operation = self._model.operation_model(self._chance.choice(self._model.operation_names))
        hostility = self._chance.choice((0.0, 0.0, 0.1, 0.5))
        members = self.values.structure(operation.input_shape, hostility) if operation.input_shape else {}
        body = json.dumps(members).encode()
        credential = f"{ACCOUNT}/20260101/{REGION}/ecr/aws4_request"
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Target": TARGET + operation.name,
            "Content-Type": "application/x-amz-json-1.1",
        }
        made = Request("POST", "/", headers, body)
        if self._chance.random() < hostility / 4:
            self._spoil_call(made)
        return made

    def _spoil_call(self, made: Request) -> None:
        match self._chance.randrange(6):
            case 0:
                made.body = self._chance.choice(BAD_BODIES)
            case 1:
                made.headers["X-Amz-Target"] = self._chance.choice(BAD_TARGETS)
            case 2:
                made.headers["Content-Type"] = self._chance.choice(CONTENT_TYPES)
            case 3:
                del made.headers["Authorization"]
            case 4:
                made.headers["Authorization"] = self._chance.choice(BAD_CREDENTIALS)
            case 5:
                made.body = made.body[: self._chance.randrange(len(made.body) + 1)]

    # --- The registry ------------------------------------------------------------------------------------------

    def _registry(self) -> Request:
        name = self._text(self._chance.choice(NAMES), 0.05)
        makers = (self._manifest, self._manifest, self._blob, self._upload, self._session, self._listing)
        made = self._chance.choice(makers)(name)
        if self._chance.random() < 0.95:
            made.headers["Authorization"] = f"Basic {self._token}"
        if self._chance.random() < 0.05:
            made.method = self._chance.choice(METHODS)
        if self._chance.random() < 0.1:
            made.headers[self._chance.choice(("Range", "Content-Range"))] = self._chance.choice(RANGES)
        if self._chance.random() < 0.05:
            made.headers[self._chance.choice(CONDITIONS)] = self._chance.choice(('"x"', "*", "", "a" * 5_000, "a;q=x"))
        return made

    def _manifest(self, name: str) -> Request:
        manifest = self._chance.choice(MANIFESTS)
        reference = self._chance.choice((*TAGS, manifest.digest, str(self.values.known("imageDigest"))))
        path = f"/v2/{name}/manifests/{self._text(reference, 0.1)}"
        method = self._chance.choice(("GET", "HEAD", "PUT", "PUT", "DELETE"))
        if method != "PUT":
            return Request(method, path)
        kind = manifest.media_type if self._chance.random() < 0.8 else self._chance.choice(CONTENT_TYPES)
        return Request(method, path, {"Content-Type": kind}, self._manifest_body(manifest.raw))

    def _manifest_body(self, raw: bytes) -> bytes:
        if self._chance.random() < 0.7:
            return raw
        document: dict[str, Any] = json.loads(raw)
        for _ in range(self._chance.choice((1, 1, 3))):
            part: Any = document
            while isinstance(part, dict | list) and part:
                key = self._chance.choice(list(part) if isinstance(part, dict) else list(range(len(part))))
                if self._chance.random() < 0.4 or not isinstance(part[key], dict | list):
                    part[key] = self.values.hostile()
                    break
                part = part[key]
        body = json.dumps(document).encode()
        return body if self._chance.random() < 0.8 else body[: self._chance.randrange(len(body))]

    def _blob(self, name: str) -> Request:
        digest = self._text(self._chance.choice(BLOBS).digest, 0.1)
        return Request(self._chance.choice(("GET", "HEAD", "DELETE")), f"/v2/{name}/blobs/{digest}")

    def _upload(self, name: str) -> Request:
        blob, path = self._chance.choice(BLOBS), f"/v2/{name}/blobs/uploads/"
        match self._chance.randrange(4):
            case 0:
                return Request("POST", f"{path}?digest={self._text(blob.digest, 0.1)}", {}, blob.raw)
            case 1:
                source = self._text(self._chance.choice(NAMES), 0.1)
                return Request("POST", f"{path}?mount={self._text(blob.digest, 0.1)}&from={source}")
            case _:
                return Request("POST", path)

    def _session(self, name: str) -> Request:
        blob = self._chance.choice(BLOBS)
        session = self._text(str(self.values.known("uploadId") or "none"), 0.05)
        path, body = f"/v2/{name}/blobs/uploads/{session}", self._chance.choice((b"", blob.raw, blob.raw[:7]))
        method = self._chance.choice(("PATCH", "PUT", "GET", "DELETE", "PUT"))
        if method == "PUT":
            whole = self._chance.choice((blob.digest, digest_of(body)))
            path += self._chance.choice(("", f"?digest={self._text(whole, 0.1)}"))
        headers = {"Content-Range": f"0-{len(body) - 1}"} if self._chance.random() < 0.3 else {}
        return Request(method, path, headers, body)

    def _listing(self, name: str) -> Request:
        digest = self._text(self._chance.choice(MANIFESTS).digest, 0.1)
        of_repository = (f"/v2/{name}/tags/list", f"/v2/{name}/referrers/{digest}", f"/v2/{name}")
        path = self._chance.choice((*of_repository, "/v2/_catalog", "/v2/", "/v2//tags/list"))
        return Request("GET", path + self._chance.choice(PAGES))

    def _text(self, valid: str, hostility: float) -> str:
        """Return a piece of a path, hostile with a probability."""
        if self._chance.random() >= hostility:
            return valid
        hostile = self.values.hostile()
        return quote(str(hostile).encode("utf-8", "surrogatepass")[:6_000], safe=self._chance.choice(("", "/", "%")))

    # --- Neither -----------------------------------------------------------------------------------------------

    def _break(self, made: Request) -> None:
        """Make a request that is hardly HTTP."""
        made.is_broken = True
        match self._chance.randrange(6 if made.path.startswith("/v2/") else 5):
            case 0:
                made.headers["Content-Length"], made.body = self._chance.choice(BAD_LENGTHS), b""
            case 1:
                made.headers["Transfer-Encoding"] = self._chance.choice(("gzip", "chunked, chunked", "identity"))
            case 2:
                made.headers["Transfer-Encoding"], made.body = "chunked", self._chance.choice(BAD_CHUNKS)
            case 3:
                made.headers["X-Long"] = "x" * self._chance.choice((9_000, 70_000, 500_000))
            case 4:
                made.method = self._chance.choice(BAD_METHODS)
            case 5:
                made.path = self._chance.choice(BAD_PATHS)
