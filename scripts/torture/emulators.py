"""The emulators of a run: processes that are started, killed and started again."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep

from scripts.torture.forks import Forks

START_SECONDS = 60
POLL = 0.003


class NotReady(Exception):
    """An emulator ended while it started, or was not ready in time."""


class Emulator:
    """One emulator. ``port`` is its port once it is ready; ``kills`` counts how often it was killed."""

    def __init__(self, forks: Forks, folder: Path, arguments: Sequence[str]) -> None:
        self._forks = forks
        self._port_file = folder / "port"
        self._arguments = arguments
        self._process = 0
        self.port = 0
        self.kills = 0
        self.log = folder / "log"
        self.state = folder / "state"

    def spawn(self) -> None:
        """Start the process, and do not wait for it."""
        self._port_file.unlink(missing_ok=True)
        command = ["serve", "--port", "0", "--port-file", str(self._port_file), "--data-dir", str(self.state)]
        self._process = self._forks.start(self.log, [*command, *self._arguments])

    def wait_until_ready(self) -> None:
        """Wait until it answers. Raises ``NotReady``."""
        until = monotonic() + START_SECONDS
        while monotonic() < until:
            with suppress(OSError, ValueError, HTTPException):
                port = int(self._port_file.read_text())
                connection = HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/_ecr/ready")
                if connection.getresponse().status == 200:
                    self.port = port
                    connection.close()
                    return
            if not self.runs():
                raise NotReady(f"it ended while it started: {self.log.read_text()[-2000:]}")
            sleep(POLL)
        raise NotReady(f"it is not ready after {START_SECONDS} seconds: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill the process, and wait for its end."""
        self.kills += 1
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self._process)
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                ended, _, _ = select.select([handle], [], [], START_SECONDS)
            finally:
                os.close(handle)
            if not ended:
                raise NotReady(f"process {self._process} has not ended")

    def runs(self) -> bool:
        """Return whether the process has not ended."""
        try:
            os.kill(self._process, 0)
        except ProcessLookupError:
            return False
        return True
