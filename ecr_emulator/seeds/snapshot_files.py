"""Portable snapshots of an emulator as files: saved from it and loaded into it (docs/snapshots.md)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from ecr_emulator.seeds.client import EmulatorClient
from ecr_emulator.synced_files import sync
from ecr_emulator.transports import CHUNK

STATE = "/_ecr/state"
TAR = "application/x-tar"


Progress = Callable[[int, int], None]
"""Receives the number of bytes that are done and that of all bytes, again and again."""


def ignore_progress(done: int, total: int) -> None:
    """Ignore the progress."""


def save_snapshot(client: EmulatorClient, path: Path, progress: Progress = ignore_progress) -> None:
    """Write everything that an emulator has to a file for its owner only; an older one is replaced at the end.

    Raises ``CallRefused``, ``ConnectionError`` if the emulator ends in the middle, and ``OSError`` with the name of the
    file if it cannot be written; then nothing is left of it.
    """
    with _failures_of(path):
        out = NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False)  # noqa: SIM115 - closed below
    new = Path(out.name)
    try:
        with out:
            _download(client, out, path, progress)
        with _failures_of(path):
            new.replace(path)
            sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def load_snapshot(client: EmulatorClient, path: Path, progress: Progress = ignore_progress) -> None:
    """Replace everything that an emulator has by the content of a file.

    Raises ``CallRefused`` for a file that is damaged, too new or no snapshot, and ``OSError`` for one that cannot be
    read; then nothing has changed.
    """
    size = path.stat().st_size
    with path.open("rb", buffering=0) as file, BufferedReader(_ReportedFile(file, size, progress), CHUNK) as content:
        client.upload(STATE, content, size, TAR)


class _ReportedFile(RawIOBase):
    """A file that reports how much of it was read."""

    def __init__(self, file: RawIOBase, size: int, progress: Progress) -> None:
        self._file = file
        self._size = size
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._file.readinto(buffer)
        self._progress(self._file.tell(), self._size)
        return count


def _download(client: EmulatorClient, out: IO[bytes], path: Path, progress: Progress) -> None:
    answer = client.download(STATE)
    size = int(answer.headers["content-length"])
    for chunk in answer.chunks:
        with _failures_of(path):
            out.write(chunk)
        progress(out.tell(), size)
    with _failures_of(path):
        out.flush()
        os.fsync(out.fileno())
    if out.tell() != size:
        raise ConnectionError(f"the emulator ended before {path} was complete")


@contextmanager
def _failures_of(path: Path) -> Iterator[None]:
    """Name the file in failures of writing it."""
    try:
        yield
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, os.fspath(path)) from failure
