"""Trees of images: an image and the images that its manifests list, as far as a repository holds them."""

from __future__ import annotations

from collections.abc import Callable

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass

HasBytes = Callable[[str, int], bool]
"""Whether the bytes of a blob are on the disk, undamaged, by its digest and size."""


@dataclass(frozen=True, slots=True)
class StoredPlatforms:
    """The platforms whose image a repository holds completely, and the platforms whose image lacks something.

    An image without a platform has the name "". A platform is in both sets if the index lists several images for it.
    """

    complete: frozenset[str]
    incomplete: frozenset[str]

    def can_replace(self, other: StoredPlatforms) -> bool:
        """Return whether every platform that can be pulled from ``other`` can still be pulled after it is replaced.

        If ``other`` is complete, its replacement must be complete. If ``other`` is sparse, the replacement may lack the
        platforms that ``other`` lacks, but at least one platform must be complete. A platform that the replacement
        does not list is no obstacle.
        """
        if not other.complete:
            return True
        return bool(self.complete) and self.incomplete <= other.incomplete - other.complete


def stored_platforms(
    work: UnitOfWork, repository: Repository, top: StoredManifest, has_bytes: HasBytes
) -> StoredPlatforms:
    """Return the platforms of an image and of all images below it. The image itself need not be stored."""
    complete: set[str] = set()
    incomplete: set[str] = set()
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
            complete.add(platform)
        else:
            incomplete.add(platform)
    return StoredPlatforms(frozenset(complete), frozenset(incomplete))


def untagged_tree(work: UnitOfWork, repository: Repository, tops: set[str]) -> set[str]:
    """Return the digests of the untagged images among ``tops``, and of the images below that belong only to them.

    An image below belongs only to them if it has no tag and no other image lists it.
    """
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
    """Return the manifest, or None if it is missing or damaged."""
    return read_manifest(stored.raw, stored.media_type) if stored and stored.is_whole else None


def _has_blobs(work: UnitOfWork, repository: Repository, manifest: Manifest, has_bytes: HasBytes) -> bool:
    is_held = not work.layers.missing(repository, (blob.digest for blob in manifest.blobs))
    return is_held and all(has_bytes(blob.digest, blob.size) for blob in manifest.blobs)
