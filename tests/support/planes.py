"""Write to an emulator through either plane: the API or the registry's HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError
from werkzeug.test import TestResponse

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.testing.upstream.images import Content, UpstreamImage
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.docker import json_of
from tests.support.images import put_manifest, upload_layer


class Refused(Exception):
    """A write was refused. The argument is the error message."""


class EmulatorClient:
    """A client that reads an emulator through both planes."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.ecr = client_of(emulator, "ecr")
        self.http = AdminClient(emulator.wsgi)

    def call(self, method: str, path: str, **request: Any) -> TestResponse:
        """Send a request with a new token."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"} | request.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, **request)

    def advance(self, **by: float) -> None:
        """Move the clock; the arguments are those of ``timedelta``."""
        self.emulator.clock.advance(timedelta(**by))

    def tags(self, name: str) -> dict[str, str]:
        """Return digests by tag. Both planes must list the same tags."""
        ids = self.ecr.list_images(repositoryName=name)["imageIds"]
        tags = {each["imageTag"]: each["imageDigest"] for each in ids if "imageTag" in each}
        assert json_of(self.call("GET", f"/v2/{name}/tags/list"))["tags"] == sorted(tags)
        return tags

    def digests(self, name: str) -> set[str]:
        """Return the digests of all images. Both planes must know them."""
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        digests = {each["imageDigest"] for each in details}
        for digest in digests:
            assert self.call("HEAD", f"/v2/{name}/manifests/{digest}").status_code == 200
        return digests


class Plane(Protocol):
    """A way to write. Each method raises ``Refused``."""

    def push_blob(self, name: str, data: bytes) -> None: ...

    def push_manifest(self, name: str, manifest: Content, tag: str | None = None) -> None: ...

    def delete(self, name: str, reference: str) -> None: ...


class ApiPlane:
    """Writes with boto3."""

    def __init__(self, client: EmulatorClient) -> None:
        self._ecr = client.ecr

    def push_blob(self, name: str, data: bytes) -> None:
        upload_layer(self._ecr, name, data)

    def push_manifest(self, name: str, manifest: Content, tag: str | None = None) -> None:
        try:
            put_manifest(self._ecr, name, manifest.raw, tag)
        except ClientError as error:
            raise Refused(error.response["Error"]["Message"]) from error

    def delete(self, name: str, reference: str) -> None:
        member = "imageDigest" if ":" in reference else "imageTag"
        answer = self._ecr.batch_delete_image(repositoryName=name, imageIds=[{member: reference}])
        for failure in answer["failures"]:
            raise Refused(failure["failureReason"])


class RegistryPlane:
    """Writes with the distribution protocol, as docker does."""

    def __init__(self, client: EmulatorClient) -> None:
        self._here = client

    def push_blob(self, name: str, data: bytes) -> None:
        session = self._sent("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
        digest = digest_of(data)
        joint = "&" if "?" in session else "?"
        self._sent("PUT", f"{session}{joint}digest={digest}", data=data)

    def push_manifest(self, name: str, manifest: Content, tag: str | None = None) -> None:
        path = f"/v2/{name}/manifests/{tag or manifest.digest}"
        self._sent("PUT", path, data=manifest.raw, headers={"Content-Type": manifest.media_type})

    def delete(self, name: str, reference: str) -> None:
        self._sent("DELETE", f"/v2/{name}/manifests/{reference}")

    def _sent(self, method: str, path: str, **request: Any) -> TestResponse:
        answer = self._here.call(method, path, **request)
        if answer.status_code >= 400:
            raise Refused(json_of(answer)["errors"][0]["message"])
        return answer


def push(plane: Plane, name: str, image: UpstreamImage, tag: str | None = None) -> None:
    """Push an image with its blobs and children."""
    for blob in image.blobs:
        plane.push_blob(name, blob.raw)
    plane.push_manifest(name, image, tag)
