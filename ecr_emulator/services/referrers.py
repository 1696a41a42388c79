"""Referrers: the images whose subject is another image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Referrer:
    """An image that refers to another one. ``size`` is that of its manifest in bytes."""

    image: Image
    size: int
    annotations: dict[str, str]


def referrers_of(work: UnitOfWork, repository: Repository, subject: str) -> Iterator[Referrer]:
    """What refers to a digest, in order of digest, archived or not; the digest itself need not be there."""
    for image in work.images.referrers(repository, subject):
        stored = work.images.manifest(image)
        yield Referrer(image, len(stored.raw), read_manifest(stored.raw, stored.media_type).annotations)
