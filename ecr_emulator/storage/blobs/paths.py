"""Paths of blobs, and of bytes on their way to become blobs, in a data directory."""

from __future__ import annotations

import os
import re
from pathlib import Path

_DIGEST = re.compile(r"(sha256|sha512):(([0-9a-f]{2})[0-9a-f]{62,126})")
_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class BlobPaths:
    """The paths below one folder. ``blobs`` and ``ingest`` are the two subfolders."""

    def __init__(self, folder: Path) -> None:
        self.blobs = os.fspath(folder / "blobs")
        self.ingest = os.fspath(folder / "ingest")

    def blob(self, digest: str) -> str:
        """Return the path of a blob. Raises ``FileNotFoundError`` for what is no digest of a blob."""
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise FileNotFoundError(f"{digest!r} is not the digest of a blob")
        algorithm, encoded, start = match.groups()
        return f"{self.blobs}/{algorithm}/{start}/{encoded}"

    def upload(self, name: str) -> str:
        """Return the path of the bytes that are written under a name. Raises ``ValueError`` unless it is a UUID."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a UUID")
        return f"{self.ingest}/{name}"
