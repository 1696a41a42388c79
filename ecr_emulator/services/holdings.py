"""What of an image a repository holds, and so what can be pulled of it whatever becomes of its upstream."""

from __future__ import annotations

from dataclasses import dataclass

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.domain.manifest import Manifest, read_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Holdings:
    """The platforms for which an image is here in full, and those for which it is not.

    What has no platform has an empty name. A platform is in both if the image lists several images for it.
    """

    whole: frozenset[str]
    lacking: frozenset[str]

    def can_replace(self, other: Holdings) -> bool:
        """Whether nothing that can be pulled of the other image would be lost with it.

        Where it is whole, that takes a whole image. Where it is sparse itself, what it does not have may be lacking.
        """
        return not other.whole or self.lacking <= other.lacking - other.whole


def holdings_of(work: UnitOfWork, repository: Repository, top: StoredManifest) -> Holdings:
    """What a repository holds of an image and of everything below it; the image itself need not be stored."""
    whole: set[str] = set()
    lacking: set[str] = set()
    waiting = [("", _read(top))]
    seen: set[tuple[str, str]] = set()
    while waiting:
        platform, manifest = waiting.pop()
        for digest, listed_for in _listed(manifest) - seen:
            seen.add((digest, listed_for))
            below = _stored(work, repository, digest)
            if below:
                waiting.append((listed_for, below))
            else:
                lacking.add(listed_for)
        if not manifest.children:
            is_whole = not work.layers.missing(repository, (blob.digest for blob in manifest.blobs))
            (whole if is_whole else lacking).add(platform)
    return Holdings(frozenset(whole), frozenset(lacking))


def belonging_to(work: UnitOfWork, repository: Repository, tops: set[str]) -> set[str]:
    """The digests of untagged images, and of those below them that nothing else lists or names."""
    found: set[str] = set()
    waiting = list(tops)
    while waiting:
        digest = waiting.pop()
        image = work.images.find(repository, digest)
        is_ours = digest in tops or found.issuperset(work.images.parents(repository, digest))
        if image and not image.tags and is_ours and digest not in found:
            found.add(digest)
            waiting += (child.digest for child in _read(work.images.manifest(image)).children)
    return found


def _listed(manifest: Manifest) -> set[tuple[str, str]]:
    return {(child.digest, child.platform) for child in manifest.children}


def _stored(work: UnitOfWork, repository: Repository, digest: str) -> Manifest | None:
    image = work.images.find(repository, digest)
    return _read(work.images.manifest(image)) if image and image.is_active else None


def _read(manifest: StoredManifest) -> Manifest:
    return read_manifest(manifest.raw, manifest.media_type)
