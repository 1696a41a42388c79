"""The keys of blobs: ``blobs/<algorithm>/<first two hex digits>/<hex>``, like the paths of files."""

from __future__ import annotations

from pathlib import Path

from ecr_emulator.domain.names import is_digest
from ecr_emulator.storage.blobs.paths import BlobPaths

BLOBS = "blobs/"
_paths = BlobPaths(Path())


def key_of(digest: str) -> str:
    """Return the key of a blob. Raises ``FileNotFoundError`` for what is no digest of a blob."""
    return _paths.blob(digest)


def digest_at(key: str) -> str | None:
    """Return the digest of the blob of a key; None if no blob can have it."""
    *_, algorithm, _, encoded = f"///{key}".split("/")
    digest = f"{algorithm}:{encoded}"
    return digest if is_digest(digest) and key_of(digest) == key else None
