"""Storing, pulling and deleting images."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.image_ids import image_identifier, read_image_ids
from ecr_emulator.control.image_pulls import ImagePulls, Pulled
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.image import ImageId, StoredManifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import ImageAlreadyExistsException
from ecr_emulator.services.image_deletions import delete_images
from ecr_emulator.services.images import Push, store_image
from ecr_emulator.services.resolution import Failure
from ecr_emulator.services.signing import refused_by


@operation
def put_image(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html"""
    push = Push(
        # A lone surrogate has no UTF-8 form; store_image rejects the bytes that stand for it.
        raw=members["imageManifest"].encode(errors="surrogatepass"),
        media_type=members.get("imageManifestMediaType"),
        tag=members.get("imageTag"),
        digest=members.get("imageDigest"),
        signing_refusal=refused_by(request.permissions),
    )
    with request.services.store.writing() as work:
        repository = request.services.new_repositories.for_push(
            work, request.registry, members["repositoryName"], request.now
        )
        stored = store_image(work, repository, push, request.now, blobs=request.services.blobs)
    if not stored.changed:
        raise ImageAlreadyExistsException(
            image_digest=stored.image.digest, image_tag=push.tag or "null", **repository.identity
        )
    manifest = StoredManifest(stored.image.digest, stored.image.media_type, push.raw)
    return {"image": _image(repository, manifest, push.tag)}


@operation
def batch_get_image(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html"""
    pulls = ImagePulls(request, members["repositoryName"], members.get("acceptedMediaTypes"))
    results = pulls.pull(read_image_ids(members))
    pulled = [result for result in results if isinstance(result, Pulled)]
    images = {(one.manifest.digest, tag): one for one in pulled for tag in one.tags}
    return {
        "images": [_image(one.repository, one.manifest, tag) for (_, tag), one in images.items()],
        "failures": [_failure(result) for result in results if isinstance(result, Failure)],
    }


@operation
def batch_delete_image(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html"""
    with request.services.store.writing(frees=True) as work:
        repository = work.repositories.get(request.registry, members["repositoryName"])
        removed, failures = delete_images(work, repository, read_image_ids(members), request.now)
    return {
        "imageIds": [image_identifier(image_id) for image_id in removed],
        "failures": [_failure(failure) for failure in failures],
    }


def _image(repository: Repository, manifest: StoredManifest, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": repository.registry.id,
        "repositoryName": repository.name,
        "imageId": image_identifier(ImageId(manifest.digest, tag)),
        "imageManifest": manifest.raw.decode(),
        "imageManifestMediaType": manifest.media_type,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "imageId": image_identifier(failure.image_id),
        "failureCode": failure.code,
        "failureReason": failure.reason,
    }
