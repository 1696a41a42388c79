"""The images of functions, in the registries of this emulator."""

from __future__ import annotations

import re

from ecr_emulator.companions.requests import REQUEST
from ecr_emulator.domain.addresses import registry_of_host, split_path_style
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.manifest import DOCKER_LIST, OCI_INDEX
from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.ecr_api import EcrApi, EcrCallFailed, ForwardedAccess
from ecr_emulator.quick_dataclasses import dataclass

PRINCIPAL = "lambda.amazonaws.com"
NOT_VALID = "Source image {uri} is not valid. Provide a valid source image."
ABSENT = "Source image {uri} does not exist. Provide a valid source image."
NOT_SUPPORTED = "The image manifest, config or layer media type for the source image {uri} is not supported."
DENIED = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
_URI = re.compile(r"(?P<host>[^/]+)/(?P<name>[^:@]+)(?::(?P<tag>[^:@/]+))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]+))?")
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


class ImageRefused(Exception):
    """Lambda cannot use an image. The message is Lambda's; ``code`` is the error code of AWS."""

    def __init__(self, message: str, code: str = "InvalidParameterValueException") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class FunctionImages:
    """Finds the images of functions. ``public_host`` is the host in repository URIs if it is not that of requests."""

    ecr: EcrApi
    public_host: str | None

    def digest(self, uri: str, home: Registry) -> str:
        """Return the digest of the image with a URI, for a function in a Region of an account.

        Raises ``ImageRefused``, also for an image of another Region.
        """
        found = _URI.fullmatch(uri)
        image = {"imageTag": found["tag"], "imageDigest": found["digest"]} if found else {}
        registry, name = self._repository(found["host"], found["name"], home) if found else (None, "")
        if registry is None or registry.region != home.region or not any(image.values()):
            raise ImageRefused(NOT_VALID.format(uri=uri))
        members = {
            "registryId": registry.id,
            "repositoryName": name,
            "imageIds": [{key: value for key, value in image.items() if value}],
        }
        try:
            answer = self.ecr.call(
                "BatchGetImage", members, ForwardedAccess(Caller.root_of(home), PRINCIPAL, REQUEST.get())
            )
        except EcrCallFailed as failed:
            raise _refusal(uri, failed.code, failed.message) from failed
        for failure in answer["failures"]:
            raise _refusal(uri, failure["failureCode"], failure["failureReason"])
        if answer["images"][0]["imageManifestMediaType"] in (OCI_INDEX, DOCKER_LIST):
            raise ImageRefused(NOT_SUPPORTED.format(uri=uri))
        return str(answer["images"][0]["imageId"]["imageDigest"])

    def _repository(self, host: str, name: str, home: Registry) -> tuple[Registry | None, str]:
        registry = registry_of_host(host)
        if registry:
            return registry, name
        environ = REQUEST.get()
        own = {environ.get("HTTP_HOST"), self.public_host}
        if host not in own and re.sub(r":\d+$", "", host) not in _LOOPBACK:
            return None, name
        return split_path_style(name) or (home, name)


def _refusal(uri: str, code: str, reason: str) -> ImageRefused:
    match code:
        case "RepositoryNotFoundException" | "ImageNotFound":
            return ImageRefused(ABSENT.format(uri=uri))
        case "AccessDeniedException":
            return ImageRefused(DENIED, code)
        case "InvalidParameterException":
            return ImageRefused(NOT_VALID.format(uri=uri))
    return ImageRefused(f"{NOT_VALID.format(uri=uri)} {reason}")
