"""Referrers: the images whose subject is another image, as an index."""

from __future__ import annotations

import json
from typing import Any

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.visit import Visit
from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.services.referrers import Referrer, referrers_of


def list_referrers(visit: Visit, digest: str) -> Response:
    """end-12: always an index, empty where nothing refers to the digest, filtered by ``artifactType``.

    Archived referrers cannot be pulled and are left out.
    """
    check_digest(digest)
    with visit.services.store.reading() as work:
        repository = work.repositories.get(visit.registry, visit.name)
        found = [each for each in referrers_of(work, repository, digest) if each.image.is_active]
    headers = {}
    wanted = visit.request.args.get("artifactType")
    if wanted:
        found = [each for each in found if each.image.artifact_media_type == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [_descriptor(each) for each in found]}
    return Response(json.dumps(index), 200, headers, content_type=OCI_INDEX)


def _descriptor(referrer: Referrer) -> dict[str, Any]:
    image = referrer.image
    descriptor: dict[str, Any] = {"mediaType": image.media_type, "digest": image.digest, "size": referrer.size}
    if image.artifact_media_type:
        descriptor["artifactType"] = image.artifact_media_type
    if referrer.annotations:
        descriptor["annotations"] = referrer.annotations
    return descriptor
