"""Sizes of images, as DescribeImages tells them. The size of an index is that of its largest image."""

from __future__ import annotations

from dataclasses import replace

from ecr_emulator.domain.image import Image
from ecr_emulator.domain.manifest import Manifest
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import UnitOfWork


def size_of(work: UnitOfWork, repository: Repository, manifest: Manifest) -> int:
    """Return the size in bytes of a new image. Images of an index that are not stored have none."""
    if not manifest.is_index:
        return manifest.size_in_bytes
    children = (work.images.find(repository, digest) for digest in {child.digest for child in manifest.children})
    return max((child.size_in_bytes for child in children if child), default=0)


def grow_parents(work: UnitOfWork, repository: Repository, child: Image) -> None:
    """Update the size of indexes, which is that of their largest child, when a child is stored after its index."""
    waiting = work.image_relations.parents(repository, child.digest)
    while waiting:
        parent = work.images.find(repository, waiting.pop())
        if parent and parent.size_in_bytes < child.size_in_bytes:
            work.images.save(replace(parent, size_in_bytes=child.size_in_bytes))
            waiting += work.image_relations.parents(repository, parent.digest)
