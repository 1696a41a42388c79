"""Write to an emulator through either plane: the API or the registry's HTTP."""

from __future__ import annotations

from datetime import timedelta

from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from tests.support.boto import client_of
from tests.support.images import put_manifest, upload_layer


class Refused(Exception):
    """A write was refused. The argument is the error message."""


class EmulatorClient:
    """A client that reads an emulator through both planes."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.ecr = client_of(emulator, "ecr")
        self.http = Client(emulator.wsgi)

    def call(self, method, path, **request):
        """Send a request with a new token."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        headers = {"Authorization": f"Basic {token}"} | request.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, **request)

    def advance(self, **by):
        self.emulator.clock.advance(timedelta(**by))

    def tags(self, name):
        """Return digests by tag. Both planes must list the same tags."""
        ids = self.ecr.list_images(repositoryName=name)["imageIds"]
        tags = {each["imageTag"]: each["imageDigest"] for each in ids if "imageTag" in each}
        assert self.call("GET", f"/v2/{name}/tags/list").json["tags"] == sorted(tags)
        return tags

    def digests(self, name):
        """Return the digests of all images. Both planes must know them."""
        details = self.ecr.describe_images(repositoryName=name)["imageDetails"]
        digests = {each["imageDigest"] for each in details}
        for digest in digests:
            assert self.call("HEAD", f"/v2/{name}/manifests/{digest}").status_code == 200
        return digests


class ApiPlane:
    """Writes with boto3."""

    def __init__(self, client):
        self._ecr = client.ecr

    def push_blob(self, name, data):
        upload_layer(self._ecr, name, data)

    def push_manifest(self, name, manifest, tag=None):
        try:
            put_manifest(self._ecr, name, manifest.raw, tag)
        except ClientError as error:
            raise Refused(error.response["Error"]["Message"]) from error

    def delete(self, name, reference):
        member = "imageDigest" if ":" in reference else "imageTag"
        answer = self._ecr.batch_delete_image(repositoryName=name, imageIds=[{member: reference}])
        for failure in answer["failures"]:
            raise Refused(failure["failureReason"])


class RegistryPlane:
    """Writes with the distribution protocol, as docker does."""

    def __init__(self, client):
        self._here = client

    def push_blob(self, name, data):
        session = self._sent("POST", f"/v2/{name}/blobs/uploads/").headers["Location"]
        digest = digest_of(data)
        joint = "&" if "?" in session else "?"
        self._sent("PUT", f"{session}{joint}digest={digest}", data=data)

    def push_manifest(self, name, manifest, tag=None):
        path = f"/v2/{name}/manifests/{tag or manifest.digest}"
        self._sent("PUT", path, data=manifest.raw, headers={"Content-Type": manifest.media_type})

    def delete(self, name, reference):
        self._sent("DELETE", f"/v2/{name}/manifests/{reference}")

    def _sent(self, method, path, **request):
        answer = self._here.call(method, path, **request)
        if answer.status_code >= 400:
            raise Refused(answer.json["errors"][0]["message"])
        return answer


def push(plane, name, image, tag=None):
    """Push an image with everything in it."""
    for blob in image.blobs:
        plane.push_blob(name, blob.raw)
    plane.push_manifest(name, image, tag)
