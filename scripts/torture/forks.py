"""A process that starts emulators by forking itself after their imports, which are most of a start.

Each line of the standard input is a list of arguments in JSON, after the path of a log; each line of the output is the
id of the process that runs ``ecr-emulator`` with them. All of them are killed when the input ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
PRELOADED = (
    "ecr_emulator.cli.main", "ecr_emulator.cli.serve", "ecr_emulator.emulator", "ecr_emulator.request_log",
    "ecr_emulator.serving.granian", "ecr_emulator.upstream.client",
    "ecr_emulator.storage.postgres.shared_store", "ecr_emulator.storage.blobs.s3.store",
)  # fmt: skip
"""Modules that most emulators import. Those of extras are left out if they are not installed."""


class Forks:
    """Starts emulators; see the module. ``variables`` are added to their environment.

    ``spoil`` is Python code that runs before all others, and may spoil the emulator.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None, spoil: str = "") -> None:
        from tests.support.processes import environment

        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{spoil}\nfrom scripts.torture.forks import main; main()"],
            cwd=folder, env=environment(**(variables or {})) | {"PYTHONPATH": f"{ROOT}"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(self, log: Path, arguments: Sequence[str]) -> int:
        """Start an emulator, append its output to a log, and return the id of its process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([str(log), *arguments]), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Kill all emulators."""
        self._process.communicate()


def main() -> None:
    """Fork for each line of the input."""
    for module in PRELOADED:
        with suppress(ImportError):
            __import__(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody need wait for a child
    children = []
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(log, arguments)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _run(log: str, arguments: list[str]) -> NoReturn:
    """Become an emulator."""
    from ecr_emulator.cli.main import main as run

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output, output)):
        os.dup2(file, number)
    try:
        run(arguments)
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)
