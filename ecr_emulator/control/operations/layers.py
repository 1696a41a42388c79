"""Layers: availability, uploads and download URLs."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.names import DIGEST_CONSTRAINT, DIGEST_PATTERN
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.upload import PART_SIZE
from ecr_emulator.errors import LayerInaccessibleException, LayersNotFoundException, UnableToGetUpstreamLayerException
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.services import layer_urls
from ecr_emulator.services.garbage_collection import renew_grace

UNREFERENCED_MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
"""Media type of a layer to which no manifest refers."""


@operation
def batch_check_layer_availability(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html"""
    digests = list(dict.fromkeys(members["layerDigests"]))
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        found = {digest: work.layers.find(repository, digest) for digest in digests if not _malformed(digest)}
    known = {digest: layer if layer and _is_intact(request, layer) else None for digest, layer in found.items()}
    gone = renew_grace(request.services.store, repository, filter(None, known.values()), request.now)
    layers = [_availability(digest, None if digest in gone else layer) for digest, layer in known.items()]
    return {"layers": layers, "failures": [failure for digest in digests if (failure := _malformed(digest))]}


@operation
def initiate_layer_upload(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html"""
    upload = request.services.uploads.begin(request.registry, members["repositoryName"], request.now)
    return {"uploadId": upload.id, "partSize": PART_SIZE}


@operation
def upload_layer_part(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html"""
    upload = request.services.uploads.append_part(
        request.registry,
        members["repositoryName"],
        members["uploadId"],
        (members["partFirstByte"], members["partLastByte"]),
        members["layerPartBlob"],
    )
    return _upload(request, members) | {"lastByteReceived": upload.last_byte}


@operation
def complete_layer_upload(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html"""
    # The API takes a list of digests, but an upload is one layer: only the first digest is used.
    layer = request.services.uploads.complete(
        request.registry, members["repositoryName"], members["uploadId"], members["layerDigests"][0]
    )
    return _upload(request, members) | {"layerDigest": layer.digest}


@operation
def get_download_url_for_layer(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html"""
    name, digest = members["repositoryName"], members["layerDigest"]
    with request.services.store.reading() as work:
        repository = work.repositories.get(request.registry, name)
        is_uncached = _is_uncached(work, repository, digest)
    if not _fetch_layer(request, name, digest):
        raise UnableToGetUpstreamLayerException if is_uncached else _not_found(repository, digest)
    expires_at = request.now + layer_urls.LIFE
    url = layer_urls.mint(request.services.tokens, request.origin, request.registry, name, digest, expires_at)
    return {"downloadUrl": url, "layerDigest": digest}


def _is_intact(request: EcrRequest, layer: Layer) -> bool:
    return request.services.blobs.intact_size(layer.digest, layer.size) is not None


def _malformed(digest: str) -> dict[str, str] | None:
    if not digest:
        code, reason = "MissingLayerDigest", "layer digest cannot be null or empty"
    elif not DIGEST_PATTERN.fullmatch(digest):
        code, reason = "InvalidLayerDigest", f"layer digest should satisfy the regex '{DIGEST_CONSTRAINT}'"
    else:
        return None
    return {
        "layerDigest": digest,
        "failureCode": code,
        "failureReason": f"Invalid request parameters: {reason}",
    }


def _availability(digest: str, held: Layer | None) -> dict[str, Any]:
    if held is None:
        return {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
    return {
        "layerDigest": digest,
        "layerAvailability": "ARCHIVED" if held.is_archived else "AVAILABLE",
        "layerSize": held.size,
        "mediaType": held.media_type or UNREFERENCED_MEDIA_TYPE,
    }


def _is_uncached(work: UnitOfWork, repository: Repository, digest: str) -> bool:
    """Return whether an image refers to a layer that must still be fetched from the upstream.

    Raises ``LayerInaccessibleException`` for a layer that is archived or that no image refers to, and
    ``LayersNotFoundException`` if the repository knows no such layer.
    """
    held = work.layers.find(repository, digest)
    if held and (held.is_archived or held.is_loose):
        raise LayerInaccessibleException
    listed = held or work.layers.referenced(repository, digest)
    if listed is None:
        raise _not_found(repository, digest)
    return held is None and not listed.is_foreign


def _not_found(repository: Repository, digest: str) -> LayersNotFoundException:
    return LayersNotFoundException.on_download(digest, **repository.identity)


def _fetch_layer(request: EcrRequest, name: str, digest: str) -> bool:
    """Start to fetch a layer unless it is stored, and wait for its first byte.

    Return False if the layer is not stored and no rule names an upstream that may have it.
    Raises ``UnableToGetUpstreamLayerException``.
    """
    source = request.services.pulls.find_blob(request.registry, name, digest, request.now)
    if source is None or source.is_here:
        return source is not None
    try:
        with closing(source.chunks(0, min(1, source.size))) as chunks:
            next(chunks, b"")
    except UpstreamFailure as failure:
        raise UnableToGetUpstreamLayerException from failure
    return True


def _upload(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    return {
        "registryId": request.registry.id,
        "repositoryName": members["repositoryName"],
        "uploadId": members["uploadId"],
    }
