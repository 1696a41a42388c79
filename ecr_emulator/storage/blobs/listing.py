"""Lists of the files in the folder of blobs."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ecr_emulator.domain.names import is_digest
from ecr_emulator.storage.blobs.paths import BlobPaths


class BlobListing:
    """The files below the folder of blobs, as it is while they are listed."""

    def __init__(self, paths: BlobPaths) -> None:
        self._paths = paths

    def digests(self, after: str) -> Iterator[str]:
        """Yield the digests of all blobs after a digest, in order."""
        for folder, folders, names in os.walk(self._paths.blobs):
            folders.sort()
            beginning = folder[len(self._paths.blobs) + 1 :].replace("/", ":")
            if beginning < after[: len(beginning)]:
                folders.clear()
                continue
            found = (self._digest(f"{folder}/{name}") for name in sorted(names))
            yield from (digest for digest in found if digest and digest > after)

    def strays(self) -> Iterator[str]:
        """Yield the paths of files that are not blobs."""
        files = (f"{folder}/{name}" for folder, _, names in os.walk(self._paths.blobs) for name in names)
        return (path for path in files if not self._digest(path))

    def without(self, digests: list[str]) -> Iterator[str]:
        """Yield the paths of the outermost folders and files in which none of some blobs can be."""
        files = [self._paths.blob(digest) for digest in digests]
        folders = {os.path.dirname(path) for path in files}
        needed = {*files, *folders, *map(os.path.dirname, folders)}
        for parent, folders_here, names in os.walk(self._paths.blobs):
            inner = [name for name in folders_here if f"{parent}/{name}" in needed]
            yield from (f"{parent}/{name}" for name in (*folders_here, *names) if f"{parent}/{name}" not in needed)
            folders_here[:] = inner

    def _digest(self, path: str) -> str | None:
        """Return the digest of the blob at a path, or None if the path cannot be that of a blob."""
        *_, algorithm, _, encoded = path.split("/")
        digest = f"{algorithm}:{encoded}"
        return digest if is_digest(digest) and self._paths.blob(digest) == path else None
