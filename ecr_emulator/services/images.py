"""The function that stores images, for both planes, imports and replication.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import Enum, auto

from ecr_emulator.domain.events import image_action
from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.names import algorithm_of, digest_of, is_digest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import (
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    LayersNotFoundException,
    LimitExceededException,
    ReferencedImagesNotFoundException,
)
from ecr_emulator.ports.blobs import Blobs
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.image_sizes import grow_parents, size_of
from ecr_emulator.services.new_images import process_new_image, scan_new_image
from ecr_emulator.services.signing import Refusal, nobody_refuses, sign_again
from ecr_emulator.services.storage_classes import activate

MAX_TAGS_PER_IMAGE = 1_000
MAX_IMAGES_PER_REPOSITORY = 100_000


class Origin(Enum):
    """The origin of a change: a client, an upstream through the cache, another registry, or a lifecycle policy.

    ``UPDATE`` is the new image of a cached tag. Its event is sent when the tag moves.
    """

    CLIENT = auto()
    UPSTREAM = auto()
    UPDATE = auto()
    REPLICATION = auto()
    LIFECYCLE = auto()


@dataclass(frozen=True, slots=True)
class Push:
    """A manifest to store. ``digest`` is the digest that the client gave, or None.

    If ``may_be_sparse``, the manifest may refer to layers and images that are not in the repository.
    ``signing_refusal`` is that of the identity that pushes.
    """

    raw: bytes
    media_type: str | None = None
    tag: str | None = None
    digest: str | None = None
    may_be_sparse: bool = False
    signing_refusal: Refusal = nobody_refuses


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of a push. ``changed`` is False if the image existed and had the tag already."""

    image: Image
    manifest: Manifest
    changed: bool


def store_image(
    work: UnitOfWork,
    repository: Repository,
    push: Push,
    now: datetime,
    origin: Origin = Origin.CLIENT,
    blobs: Blobs | None = None,
) -> Stored:
    """Store a manifest, and point its tag at it. An archived image becomes active again.

    A push of a client must find its layers and children in the repository; imports and replicas need not. If ``blobs``
    is given, the bytes of the layers must be there too.
    Raises InvalidParameter, ImageDigestDoesNotMatch, LayersNotFound, ReferencedImagesNotFound,
    ImageTagAlreadyExists and LimitExceeded.
    """
    manifest = read_manifest(push.raw, push.media_type)
    digest = _checked_digest(push)
    if origin is Origin.CLIENT and not push.may_be_sparse:
        _check_references(work, repository, manifest, blobs)
    image = work.images.find(repository, digest)
    if image:
        work.images.mend(digest, push.raw)
    if image and image.is_active and (push.tag is None or push.tag in image.tags):
        _retry_signatures(work, repository, image, push, now, origin)
        return Stored(image, manifest, changed=False)
    if push.tag and repository.mutability.locks(push.tag):
        _check_lock(work, repository, push.tag, digest)
    if image is None:
        image = _add(work, repository, _described(work, repository, push, manifest, digest, now), manifest, push.raw)
    elif not image.is_active:
        image = activate(work, repository, image, now)
    if push.tag and push.tag not in image.tags:
        image = _tag(work, repository, image, push.tag, now)
    _announce(work, repository, image, push, now, origin)
    return Stored(image, manifest, changed=True)


def _announce(
    work: UnitOfWork, repository: Repository, image: Image, push: Push, now: datetime, origin: Origin
) -> None:
    """Add the event of a push, and process what a client pushed as a new image.

    A replica has its own event and is only scanned. An import is processed when it is complete.
    """
    if origin in (Origin.CLIENT, Origin.UPSTREAM):
        work.events.add(image_action(repository, "PUSH", image.digest, push.tag, now))
    if origin is Origin.CLIENT:
        process_new_image(work, repository, image, push.tag, now, push.signing_refusal)
    elif origin is Origin.REPLICATION:
        scan_new_image(work, repository, image, now)


def _retry_signatures(
    work: UnitOfWork, repository: Repository, image: Image, push: Push, now: datetime, origin: Origin
) -> None:
    if origin is Origin.CLIENT:
        sign_again(work, repository, image, now, push.signing_refusal)


def _checked_digest(push: Push) -> str:
    if push.digest is None:
        return digest_of(push.raw)
    if not is_digest(push.digest) or digest_of(push.raw, algorithm_of(push.digest)) != push.digest:
        raise ImageDigestDoesNotMatchException
    return push.digest


def _check_references(work: UnitOfWork, repository: Repository, manifest: Manifest, blobs: Blobs | None = None) -> None:
    absent = work.layers.missing(repository, (blob.digest for blob in manifest.blobs))
    if blobs and not absent:
        lost = (blob.digest for blob in manifest.blobs if blobs.intact_size(blob.digest, blob.size) is None)
        absent = list(dict.fromkeys(lost))
    if absent:
        raise LayersNotFoundException(digests=", ".join(absent), **repository.identity)
    children = dict.fromkeys(child.digest for child in manifest.children)
    absent = [digest for digest in children if not work.images.find(repository, digest)]
    if absent:
        raise ReferencedImagesNotFoundException(digests=", ".join(absent), **repository.identity)


def _check_lock(work: UnitOfWork, repository: Repository, tag: str, digest: str) -> None:
    """Raise ``ImageTagAlreadyExistsException`` if an immutable tag points at another image."""
    tagged = work.tags.find(repository, tag)
    if tagged and tagged.digest != digest:
        raise ImageTagAlreadyExistsException(image_tag=tag, repository_name=repository.name)


def _described(
    work: UnitOfWork, repository: Repository, push: Push, manifest: Manifest, digest: str, now: datetime
) -> Image:
    return Image(
        digest=digest,
        media_type=manifest.media_type,
        pushed_at=now,
        size_in_bytes=size_of(work, repository, manifest),
        artifact_media_type=manifest.artifact_media_type,
        subject=manifest.subject.digest if manifest.subject else None,
        tags=(push.tag,) if push.tag else (),
    )


def _add(work: UnitOfWork, repository: Repository, image: Image, manifest: Manifest, raw: bytes) -> Image:
    if work.images.count(repository) >= MAX_IMAGES_PER_REPOSITORY:
        raise LimitExceededException.images(**repository.identity, limit=MAX_IMAGES_PER_REPOSITORY)
    added = work.images.add(repository, image, manifest, raw)
    grow_parents(work, repository, added)
    return added


def _tag(work: UnitOfWork, repository: Repository, image: Image, tag: str, now: datetime) -> Image:
    if len(image.tags) >= MAX_TAGS_PER_IMAGE:
        raise LimitExceededException.tags(tag, **repository.identity, limit=MAX_TAGS_PER_IMAGE)
    work.tags.put(repository, tag, image, now)
    return replace(image, tags=tuple(sorted((*image.tags, tag))))
