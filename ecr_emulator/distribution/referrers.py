"""Referrers: the images whose subject is another image, as an index."""

from __future__ import annotations

import json
from typing import Any

from werkzeug import Response

from ecr_emulator.distribution.blobs import check_digest
from ecr_emulator.distribution.visit import Visit
from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import OCI_INDEX, read_manifest


def list_referrers(visit: Visit, digest: str) -> Response:
    """end-12: always an index, empty where nothing refers to the digest, filtered by ``artifactType``."""
    check_digest(digest)
    with visit.services.store.reading() as work:
        repository = work.repositories.get(visit.registry, visit.name)
        stored = [work.images.manifest(image) for image in work.images.referrers(repository, digest)]
    descriptors = [_descriptor(manifest) for manifest in stored]
    headers = {}
    wanted = visit.request.args.get("artifactType")
    if wanted:
        descriptors = [each for each in descriptors if each.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
    return Response(json.dumps(index), 200, headers, content_type=OCI_INDEX)


def _descriptor(stored: StoredManifest) -> dict[str, Any]:
    manifest = read_manifest(stored.raw, stored.media_type)
    descriptor: dict[str, Any] = {
        "mediaType": stored.media_type,
        "digest": stored.digest,
        "size": len(stored.raw),
    }
    if manifest.artifact_media_type:
        descriptor["artifactType"] = manifest.artifact_media_type
    if manifest.annotations:
        descriptor["annotations"] = manifest.annotations
    return descriptor
