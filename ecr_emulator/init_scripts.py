"""Init scripts: programs of users that run as soon as the emulator answers, and use it as any client does.

Order, states and the treatment of failures are those of the ready stage of LocalStack:
https://docs.localstack.cloud/references/init-hooks/
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from errno import EACCES, ENOENT, ENOEXEC
from pathlib import Path
from threading import Lock, Thread
from time import sleep
from typing import TYPE_CHECKING

from ecr_emulator.ports.leases import Lease
from ecr_emulator.quick_dataclasses import dataclass

if TYPE_CHECKING:
    from subprocess import Popen

SUFFIXES = (".sh", ".py")
STAGE = "ready.d"
OTHER_STAGES = ("boot.d", "start.d", "shutdown.d")
STOP_SECONDS = 2
"""Time that a running script gets to end when the emulator stops."""
LEASE_SECONDS = 0.1
"""Seconds between two looks whether another node still runs its scripts."""

log = logging.getLogger(__name__)


class InitScriptMissing(ValueError):
    """There is no script or folder with the given path. The message names it."""


class ScriptState(StrEnum):
    """The states of a script. A script that has not started yet is unknown."""

    UNKNOWN = "UNKNOWN"
    RUNNING = "RUNNING"
    SUCCESSFUL = "SUCCESSFUL"
    ERROR = "ERROR"


@dataclass
class InitScript:
    """A script and its state."""

    path: Path
    state: ScriptState = ScriptState.UNKNOWN


class InitScripts:
    """The scripts of one emulator: none until ``find`` is called. ``completed`` is false until all of them have run.

    Of several nodes, one at a time has the ``lease`` to run its scripts.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self.scripts: list[InitScript] = []
        self.completed = True
        self._stopping = False
        self._process: Popen[bytes] | None = None
        self._lock = Lock()

    def find(self, *paths: Path) -> None:
        """Find the scripts at paths of files and folders. Raises ``InitScriptMissing``."""
        self.scripts = [InitScript(script) for path in paths for script in _scripts_at(path)]
        self.completed = not self.scripts

    @contextmanager
    def running(self, environment: Mapping[str, str], when_completed: Callable[[], None]) -> Iterator[None]:
        """Run the scripts one after the other in a thread. On exit, stop the one that runs, and start no other."""
        thread = Thread(target=self._run_all, args=(environment, when_completed), name="init-scripts", daemon=True)
        if self.scripts:
            thread.start()
        else:
            when_completed()
        try:
            yield
        finally:
            if self.scripts:
                self._stop(thread)

    def _run_all(self, environment: Mapping[str, str], when_completed: Callable[[], None]) -> None:
        while not self._lease.renew():
            if self._stopping:
                return
            sleep(LEASE_SECONDS)
        try:
            self._run_each(environment)
        finally:
            self._lease.end()
        if self._stopping:
            return
        self.completed = True
        when_completed()
        states = [script.state for script in self.scripts]
        counts = {"successful": states.count(ScriptState.SUCCESSFUL), "failed": states.count(ScriptState.ERROR)}
        log.info("init scripts have run", extra={"facts": counts})

    def _run_each(self, environment: Mapping[str, str]) -> None:
        for script in self.scripts:
            if self._stopping:
                return
            script.state = ScriptState.RUNNING
            log.info("init script %s starts", script.path)
            failure = self._run(script.path, environment)
            script.state = ScriptState.ERROR if failure else ScriptState.SUCCESSFUL
            if failure and not self._stopping:
                log.error("init script %s failed: %s. The emulator keeps running", script.path, failure)

    def _run(self, path: Path, environment: Mapping[str, str]) -> str | None:
        """Run a script to its end. Returns why it failed, or None."""
        import subprocess

        command = [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]
        try:
            with self._lock:
                if self._stopping:
                    return "the emulator stopped first"
                self._process = subprocess.Popen(  # noqa: S603 - the user's own scripts
                    command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
                )
        except OSError as failure:
            return _why_not_started(path, failure)
        status = self._process.wait()
        if status < 0:
            return f"{signal.Signals(-status).name} ended it"
        return f"its exit status is {status}" if status else None

    def _stop(self, thread: Thread) -> None:
        with self._lock:
            self._stopping = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process and self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            thread.join(STOP_SECONDS)
            if not thread.is_alive():
                return


def _scripts_at(path: Path) -> Iterator[Path]:
    """Yield a script, or those in a folder by name, then those in its subfolders. Hidden names are left out.

    Kubernetes mounts a ConfigMap with hidden folders that hold the files once more.
    """
    path = path.absolute()
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise InitScriptMissing(f"There is no init script and no folder of init scripts {path}")
    _warn_of_other_stages(path)
    for name, folders, files in os.walk(path):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for file in sorted(file for file in files if not file.startswith(".")):
            if file.endswith(SUFFIXES):
                yield Path(name, file)
            else:
                log.warning("%s is not run: init scripts have names like *.sh or *.py", Path(name, file))


def _warn_of_other_stages(path: Path) -> None:
    for stage in OTHER_STAGES if path.name == STAGE else ():
        folder = path.with_name(stage)
        if folder.is_dir() and any(folder.iterdir()):
            log.warning("the scripts in %s are not run: the emulator has no such stage, only %s", folder, STAGE)


def _why_not_started(path: Path, failure: OSError) -> str:
    if failure.errno == EACCES and not os.access(path, os.X_OK):
        return f"it is not executable: chmod +x {path}"
    if failure.errno in (ENOENT, ENOEXEC) and path.exists():
        with path.open("rb") as script:
            first = script.readline(200).decode(errors="replace")
        return f"its first line must name an interpreter that exists, like '#!/bin/sh', not {first!r}"
    return failure.strerror or str(failure)
