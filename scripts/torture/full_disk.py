"""The flavour of a small disk: one emulator with SQLite and files, and another program that fills its disk."""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from time import sleep

from scripts.torture.clients import Failure
from scripts.torture.flavours import LONGEST, Files
from scripts.torture.forks import Forks

SIZE = "192m"
"""Size of the disk: enough for the state of a life, and for the file in which it is saved."""
PIECE = 1 << 20
REASONS = ("the disk is full", "No space left on device", "cannot be written: disk I/O error")
"""Reasons that an answer of 5xx may give. The last is of SQLite, if a file beside a database lacks room."""


class FullDisk(Files):
    """``files`` on a file system in memory. In most rounds the disk is full when the emulator is killed.

    It may also be full while the emulator starts, but never while it is checked. Needs root, to mount.
    """

    def __init__(self, forks: Forks, folder: Path, upstream: str) -> None:
        self._disk = folder / "state"
        self._disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self._disk], check=True)
        self._others = self._disk / "others"
        super().__init__(forks, folder, upstream)

    def start(self) -> None:
        self._empty()
        super().start()

    def disturb(self, chance: random.Random, faults: Counter[str]) -> None:
        name = chance.choice(["none", "full", "full", "full for a moment"])
        faults[name] += 1
        if name != "none":
            sleep(chance.uniform(0, LONGEST))
            self._fill()
        if name == "full for a moment":
            sleep(chance.uniform(0, LONGEST))
            self._empty()
        super().disturb(chance, faults)

    def unexpected(self, failures: Collection[Failure]) -> list[str]:
        return [each.what for each in failures if each.hangs or not any(reason in each.what for reason in REASONS)]

    def close(self) -> None:
        """Unmount the disk."""
        subprocess.run(["umount", "--lazy", self._disk], check=True)

    def _fill(self) -> None:
        """Write a file until there is no byte left."""
        with suppress(OSError), self._others.open("wb", buffering=0) as file:
            piece = bytes(PIECE)
            while True:
                file.write(piece)

    def _empty(self) -> None:
        self._others.unlink(missing_ok=True)
