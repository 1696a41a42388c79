"""What of an image a repository holds, and so what can be pulled of it whatever becomes of its upstream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork

HasBytes = Callable[[str, int], bool]
"""Whether the bytes of a blob are on the disk, undamaged, by its digest and size."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """The platforms for which an image is here in full, and those for which it is not.

    What has no platform has an empty name. A platform is in both if the image lists several images for it.
    """

    whole: frozenset[str]
    lacking: frozenset[str]

    def can_replace(self, other: Holdings) -> bool:
        """Whether nothing that can be pulled of the other image would be lost with it.

        Where it is whole, that takes a whole image. Where it is sparse itself, what it does not have may be lacking, as
        long as anything can be pulled.
        """
        if not other.whole:
            return True
        return bool(self.whole) and self.lacking <= other.lacking - other.whole


def holdings_of(work: UnitOfWork, repository: Repository, top: StoredManifest, has_bytes: HasBytes) -> Holdings:
    """Look through an image and everything below it; the image itself need not be stored."""
    whole: set[str] = set()
    lacking: set[str] = set()
    waiting: list[tuple[str, StoredManifest | None]] = [("", top)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        platform, stored = waiting.pop()
        manifest = _intact(stored)
        if manifest and manifest.children:
            listed = {(child.digest, child.platform) for child in manifest.children} - seen
            waiting += ((platform, _stored(work, repository, digest)) for digest, platform in listed)
            seen |= listed
        elif manifest and _has_blobs(work, repository, manifest, has_bytes):
            whole.add(platform)
        else:
            lacking.add(platform)
    return Holdings(frozenset(whole), frozenset(lacking))


def belonging_to(work: UnitOfWork, repository: Repository, tops: set[str]) -> set[str]:
    """The digests of untagged images, and of those below them that nothing else lists or names."""
    found: set[str] = set()
    waiting = list(tops)
    while waiting:
        digest = waiting.pop()
        image = work.images.find(repository, digest)
        is_ours = digest in tops or found.issuperset(work.image_relations.parents(repository, digest))
        if image and not image.tags and is_ours and digest not in found:
            found.add(digest)
            manifest = _intact(work.images.manifest(image))
            waiting += (child.digest for child in manifest.children) if manifest else ()
    return found


def _stored(work: UnitOfWork, repository: Repository, digest: str) -> StoredManifest | None:
    image = work.images.find(repository, digest)
    return work.images.manifest(image) if image and image.is_active else None


def _intact(stored: StoredManifest | None) -> Manifest | None:
    """A manifest that is here as it came."""
    return read_manifest(stored.raw, stored.media_type) if stored and stored.is_whole else None


def _has_blobs(work: UnitOfWork, repository: Repository, manifest: Manifest, has_bytes: HasBytes) -> bool:
    is_held = not work.layers.missing(repository, (blob.digest for blob in manifest.blobs))
    return is_held and all(has_bytes(blob.digest, blob.size) for blob in manifest.blobs)
