"""Damage files, as disks do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecr_emulator.emulator import Emulator
from ecr_emulator.storage.blobs.files import FileBlobs


def flipped(path: Path) -> None:
    """Flip one bit of a file."""
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))


def truncated(path: Path) -> None:
    """Remove the last byte of a file."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def removed(path: Path) -> None:
    """Remove a file."""
    path.unlink()


DAMAGES = (flipped, truncated, removed)


def file_of(data_dir: Path, digest: str) -> Path:
    """Return the path of a blob."""
    algorithm, _, encoded = digest.partition(":")
    return data_dir / "blobs" / algorithm / encoded[:2] / encoded


def damage_blob(emulator: Emulator, digest: str, damage: Callable[[Path], None]) -> None:
    """Damage a blob of an emulator, in its file or its object in S3."""
    blobs: Any = emulator._blobs
    if isinstance(blobs, FileBlobs):
        damage(file_of(emulator.data_dir, digest))
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "object"
        file.write_bytes(blobs.bucket.content(blobs.key(digest)))
        damage(file)
        if file.exists():
            blobs.bucket.put(blobs.key(digest), file.read_bytes())
        else:
            blobs.bucket.delete(blobs.key(digest))


def damage_manifest(data_dir: Path, digest: str, end: bytes = b" }") -> None:
    """Replace the last bytes of a stored manifest by as many others."""
    with closing(sqlite3.connect(data_dir / "ecr.sqlite")) as database, database:
        [(raw,)] = database.execute("SELECT raw FROM manifests WHERE digest = ?", (digest,))
        database.execute("UPDATE manifests SET raw = ? WHERE digest = ?", (raw[: -len(end)] + end, digest))
