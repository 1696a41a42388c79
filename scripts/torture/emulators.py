"""The emulators of a run: processes that are started, killed and started again."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep

from scripts.torture.forks import Forks

START_SECONDS = 60
POLL = 0.003


class NotReady(Exception):
    """An emulator ended while it started, or was not ready in time."""


class Process:
    """An ``ecr-emulator`` with any command; ``kills`` counts how often it was killed. Its output goes to ``log``."""

    def __init__(self, forks: Forks, log: Path) -> None:
        self._forks = forks
        self._id = 0
        self.log = log
        self.kills = 0

    def start(self, arguments: Sequence[str]) -> None:
        """Start the process."""
        self._id = self._forks.start(self.log, arguments)

    def runs(self) -> bool:
        """Return whether the process has not ended."""
        return not self.ends_within(0)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end for some seconds, and return whether it has ended."""
        try:
            handle = os.pidfd_open(self._id)
        except ProcessLookupError:
            return True
        try:
            ended, _, _ = select.select([handle], [], [], seconds)
        finally:
            os.close(handle)
        return bool(ended)

    def kill(self) -> None:
        """Kill the process, and wait for its end. Raises ``NotReady``."""
        self.kills += 1
        with suppress(ProcessLookupError):
            os.kill(self._id, signal.SIGKILL)
        if not self.ends_within(START_SECONDS):
            raise NotReady(f"process {self._id} has not ended")


class Emulator(Process):
    """One emulator. ``port`` is its port once it is ready, ``state`` its data directory."""

    def __init__(self, forks: Forks, folder: Path, arguments: Sequence[str]) -> None:
        super().__init__(forks, folder / "log")
        self._port_file = folder / "port"
        self._arguments = arguments
        self.port = 0
        self.state = folder / "state"

    def spawn(self) -> None:
        """Start the process, and do not wait for it."""
        self._port_file.unlink(missing_ok=True)
        command = ["serve", "--port", "0", "--port-file", str(self._port_file), "--data-dir", str(self.state)]
        self.start([*command, *self._arguments])

    def wait_until_ready(self) -> None:
        """Wait until it answers. Raises ``NotReady``."""
        until = monotonic() + START_SECONDS
        while monotonic() < until:
            with suppress(OSError, ValueError, HTTPException):
                port = int(self._port_file.read_text())
                with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                    connection.request("GET", "/_ecr/ready")
                    if connection.getresponse().status == 200:
                        self.port = port
                        return
            if not self.runs():
                raise NotReady(f"it ended while it started: {self.log.read_text()[-2000:]}")
            sleep(POLL)
        raise NotReady(f"it is not ready after {START_SECONDS} seconds: {self.log.read_text()[-2000:]}")
