"""Referrers: the images whose subject is another image, as an index."""

from __future__ import annotations

import json
from typing import Any

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.domain.referrer import Referrer


def list_referrers(request: RegistryRequest, digest: str) -> Response:
    """Answer end-12 with an index, filtered by ``artifactType``. It is empty if nothing refers to the digest.

    Archived referrers cannot be pulled and are left out. In a cache repository, the index also lists the referrers at
    the upstream. While the upstream fails, it lists the known ones.
    """
    check_digest(digest)
    listed = request.services.referrers.find(request.registry, request.name, digest, request.now, request.permissions)
    found = [each for each in listed.referrers if each.is_active]
    headers = {}
    wanted = request.http.args.get("artifactType")
    if wanted:
        found = [each for each in found if each.artifact_type == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(each) for each in found]}
    return Response(json.dumps(index), 200, headers, content_type=OCI_INDEX)


def _descriptor(referrer: Referrer) -> dict[str, Any]:
    descriptor: dict[str, Any] = {
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    }
    if referrer.artifact_type:
        descriptor["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        descriptor["annotations"] = referrer.annotations
    return descriptor
