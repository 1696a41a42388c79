"""The flavours of a run: which emulators there are, how they are disturbed, and where their blobs are."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from time import sleep
from typing import Protocol

from scripts.torture.clients import Failure
from scripts.torture.emulators import Emulator
from scripts.torture.forks import Forks

KEPT = {
    "ecr.sqlite", "ecr.sqlite-wal", "ecr.sqlite-shm", "ecr.ballast",
    "owner.sqlite", "owner.sqlite-journal", "owner.pid",
}  # fmt: skip
"""The files of a data directory beside its folders."""
FAULTS = re.compile(r"Traceback \(most recent call last\)| (?:ERROR|CRITICAL) |panicked at")
"""Texts that show a fault if a log has them."""
ARGUMENTS = ("--registry-auth", "open", "--account", "123456789012", "--log-level", "warning", "--disk-reserve", "4")


LONGEST = 0.5
"""Seconds from the start of the clients to the kill, at most."""


class Flavour(Protocol):
    """Emulators over one state."""

    @property
    def kills(self) -> int:
        """The number of processes that were killed."""
        ...

    @property
    def keeps_uploads(self) -> bool:
        """Whether unfinished uploads have survived. A crash of the database may end them: they are not synced."""
        ...

    def start(self) -> None:
        """Start all emulators that do not run, heal all faults, and wait until they are ready. Raises ``NotReady``."""

    def ports(self) -> list[int]:
        """Return the ports of the emulators."""
        ...

    def disturb(self, chance: random.Random, faults: Counter[str]) -> None:
        """Wait a moment, disturb the emulators, and kill at least one; count the faults by name."""

    def kill_while_it_starts(self, after: float) -> None:
        """Start an emulator that was killed, and kill it after some seconds."""

    def unexpected(self, failures: Collection[Failure]) -> list[str]:
        """Return the failures that none of the faults explains."""
        ...

    def left_over(self, needed: Collection[str]) -> list[str]:
        """Return the names of files and objects that are neither needed blobs nor metadata."""
        ...

    def tracebacks(self) -> list[str]:
        """Return the errors in the logs since the last call."""
        ...


class Files:
    """One emulator with SQLite and files."""

    keeps_uploads = True

    def __init__(self, forks: Forks, folder: Path, upstream: str) -> None:
        self._emulator = Emulator(forks, folder, [*ARGUMENTS, "--upstream-map", f"quay.io={upstream}"])
        self._log = Log(self._emulator.log)

    @property
    def kills(self) -> int:
        return self._emulator.kills

    def start(self) -> None:
        self._emulator.spawn()
        self._emulator.wait_until_ready()

    def ports(self) -> list[int]:
        return [self._emulator.port]

    def disturb(self, chance: random.Random, faults: Counter[str]) -> None:
        sleep(chance.uniform(0, LONGEST))
        self._emulator.kill()

    def kill_while_it_starts(self, after: float) -> None:
        self._emulator.spawn()
        sleep(after)
        self._emulator.kill()

    def unexpected(self, failures: Collection[Failure]) -> list[str]:
        return [each.what for each in failures]

    def left_over(self, needed: Collection[str]) -> list[str]:
        return list(left_over_files(self._emulator.state, needed, KEPT))

    def tracebacks(self) -> list[str]:
        return self._log.faults()


class Log:
    """The log of an emulator, read from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = 0

    def faults(self) -> list[str]:
        """Return the new part of the log if it has a fault."""
        if not self._path.exists():
            return []
        text = self._path.read_bytes()[self._size :]
        self._size += len(text)
        return [f"in the log: {text[-4000:].decode()}"] if FAULTS.search(text.decode()) else []


def left_over_files(folder: Path, needed: Collection[str], kept: Collection[str]) -> Iterator[str]:
    """Yield the files of a folder that are neither needed blobs nor have one of the names to be kept."""
    for path in folder.rglob("*"):
        if path.is_dir() or (path.name in kept and path.parent == folder):
            continue
        *_, algorithm, _, encoded = path.parts
        if path.relative_to(folder).parts[0] != "blobs" or f"{algorithm}:{encoded}" not in needed:
            yield str(path.relative_to(folder))
