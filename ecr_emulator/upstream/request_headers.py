"""The headers of requests to upstreams. Only ``Range``, for the rest of a blob, is set in ``blobs``."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_emulator.domain.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

EVERY_REQUEST = {"User-Agent": "ecr-emulator", "Accept-Encoding": "identity"}
"""The headers of every request. A body compressed by a server would not match its digest."""
MANIFEST_REQUEST = {"Accept": ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, "*/*;q=0.1"))}
"""The headers of requests for manifests. Some upstreams hide an image from clients that do not accept its type."""
REFERRERS_REQUEST = {"Accept": OCI_INDEX}


def authorized(headers: Mapping[str, str], authorization: str | None) -> Mapping[str, str]:
    """Return the headers with this ``Authorization``, if there is one."""
    return {**headers, "Authorization": authorization} if authorization else headers
