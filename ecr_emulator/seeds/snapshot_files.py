"""Portable snapshots of an emulator as files: saved from it and loaded into it (docs/snapshots.md)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from ecr_emulator.seeds.client import EmulatorClient

STATE = "/_ecr/state"
TAR = "application/x-tar"


def save_snapshot(client: EmulatorClient, path: Path) -> None:
    """Write everything that an emulator has to a file for its owner only; an older one is replaced at the end.

    Raises ``CallRefused``, ``ConnectionError`` if the emulator ends in the middle, and ``OSError`` with the name of the
    file if it cannot be written; then nothing is left of it.
    """
    with _failures_of(path):
        out = NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.", delete=False)  # noqa: SIM115 - closed below
    new = Path(out.name)
    try:
        with out:
            _download(client, out, path)
        with _failures_of(path):
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def load_snapshot(client: EmulatorClient, path: Path) -> None:
    """Replace everything that an emulator has by the content of a file.

    Raises ``CallRefused`` for a file that is damaged, too new or no snapshot, and ``OSError`` for one that cannot be
    read; then nothing has changed.
    """
    with path.open("rb") as content:
        client.upload(STATE, content, path.stat().st_size, TAR)


def _download(client: EmulatorClient, out: IO[bytes], path: Path) -> None:
    answer = client.download(STATE)
    for chunk in answer.chunks:
        with _failures_of(path):
            out.write(chunk)
    with _failures_of(path):
        out.flush()
    if str(out.tell()) != answer.headers["content-length"]:
        raise ConnectionError(f"the emulator ended before {path} was complete")


@contextmanager
def _failures_of(path: Path) -> Iterator[None]:
    """Name the file in failures of writing it."""
    try:
        yield
    except OSError as failure:
        raise OSError(failure.errno, failure.strerror, os.fspath(path)) from failure
