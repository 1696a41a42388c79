"""Make small images of any shape, and push them with boto3."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.domain.names import digest_of
from ecr_emulator.testing.upstream.images import Content, UpstreamImage, image


def an_image(seed: object = 1, **members: Any) -> UpstreamImage:
    """Return a small OCI image with more members in its manifest. Equal arguments make equal images."""
    plain = image(seed)
    return replace(plain, raw=json.dumps(json.loads(plain.raw) | members).encode()) if members else plain


def an_index(*children: Content) -> Content:
    """Return an OCI index of manifests or other indexes."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [child.descriptor for child in children],
    }
    return Content(json.dumps(document).encode(), OCI_INDEX)


def upload_layer(ecr: Any, repository: str, data: bytes) -> str:
    """Upload a blob in one part, unless the repository has it already, and return its digest."""
    digest = digest_of(data)
    upload_id = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload_id,
        partFirstByte=0,
        partLastByte=len(data) - 1,
        layerPartBlob=data,
    )
    with suppress(ecr.exceptions.LayerAlreadyExistsException):
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload_id, layerDigests=[digest])
    return digest


def upload_layers(ecr: Any, repository: str, image: UpstreamImage) -> None:
    """Upload the config and the layers of an image."""
    for blob in image.blobs:
        upload_layer(ecr, repository, blob.raw)


def put_image(ecr: Any, repository: str, image: UpstreamImage, tag: str | None = None) -> str:
    """Upload an image's layers, put its manifest, and return its digest."""
    upload_layers(ecr, repository, image)
    return put_manifest(ecr, repository, image.raw, tag)


def put_manifest(ecr: Any, repository: str, manifest: bytes, tag: str | None = None) -> str:
    """Put a manifest whose layers and children are already uploaded, and return its digest."""
    tagged = {"imageTag": tag} if tag else {}
    answer = ecr.put_image(repositoryName=repository, imageManifest=manifest.decode(), **tagged)
    return str(answer["image"]["imageId"]["imageDigest"])
