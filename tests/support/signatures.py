"""A registry that signs images, as its users see it."""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.emulator import Emulator
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT, Docker, json_of
from tests.support.notation import Verified, verify

NOTATION = "Notation-OCI-SHA384-ECDSA"


class Signatures:
    """The signing of one registry, as its users see it."""

    def __init__(self, emulator: Emulator, account: str = ACCOUNT, region: str = "us-east-1") -> None:
        self.emulator = emulator
        self.docker = Docker(emulator, account, region)
        self.ecr = self.docker.ecr
        self.signer = client_of(emulator, "signer", account=account, region=region)

    def profile(self, name: str = "team", **more: Any) -> str:
        """Create a signing profile for images, and return its ARN."""
        return str(self.signer.put_signing_profile(profileName=name, platformId=NOTATION, **more)["arn"])

    def sign(self, *profiles: str) -> None:
        """Let the registry sign all images with profiles."""
        rules = [{"signingProfileArn": profile} for profile in profiles]
        self.ecr.put_signing_configuration(signingConfiguration={"rules": rules})

    def status(self, digest: str, name: str = "team/app") -> list[tuple[Any, ...]]:
        """Return profile, status and failure code of each signature of an image."""
        answer = self.ecr.describe_image_signing_status(repositoryName=name, imageId={"imageDigest": digest})
        members = ("signingProfileArn", "status", "failureCode")
        return [tuple(each.get(member) for member in members) for each in answer["signingStatuses"]]

    def of(self, digest: str, name: str = "team/app") -> list[str]:
        """Return the digests of the signatures of an image."""
        listed = json_of(self.docker.get(f"/v2/{name}/referrers/{digest}"))["manifests"]
        return [each["digest"] for each in listed if each["artifactType"] == "application/vnd.cncf.notary.signature"]

    def verified(self, digest: str, signature: str, name: str = "team/app", root: str | None = None) -> Verified:
        """Verify a signature of an image with everything read from the registry. Raises ``NotVerified``."""
        manifest, envelope = self.read(signature, name)
        image = self.docker.get(f"/v2/{name}/manifests/{digest}").data
        return verify(image, manifest, envelope, root or self.root(), self.emulator.clock.now())

    def read(self, signature: str, name: str = "team/app") -> tuple[bytes, bytes]:
        """Return the manifest and the envelope of a signature."""
        manifest = self.docker.get(f"/v2/{name}/manifests/{signature}").data
        (layer,) = json.loads(manifest)["layers"]
        return manifest, self.docker.get(f"/v2/{name}/blobs/{layer['digest']}").data

    def root(self) -> str:
        """Return the certificate that users must trust."""
        return str(json_of(self.docker.http.get("/_ecr/signing"))["certificate"])
