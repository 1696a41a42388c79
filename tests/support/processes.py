"""Run ``ecr-emulator`` in a new process, as users do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

import ecr_emulator

# The package that these tests import, be it the checkout or an installed wheel.
PACKAGE_ROOT = Path(ecr_emulator.__file__).parents[1]
COMMAND = [sys.executable, "-m", "ecr_emulator"]
WAIT_SECONDS = 30


class Endpoint:
    """The address of an emulator, or of a load balancer before several: ``url`` is ``http://host:port``."""

    url: str

    @property
    def port(self) -> int:
        """The port in the endpoint."""
        return int(self.url.rpartition(":")[2])

    @property
    def host(self) -> str:
        """Host and port, as image names begin."""
        return self.url.removeprefix("http://")

    def advance(self, by: str) -> None:
        """Advance the emulator's clock by a duration such as ``"25h"``."""
        requests.post(f"{self.url}/_ecr/clock", json={"advance": by}, timeout=60).raise_for_status()

    def aws_environment(self) -> dict[str, str]:
        """The environment of a shell whose AWS tools speak to this emulator."""
        return os.environ | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "123456789012",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_PAGER": "",
        }


class Served(Endpoint):
    """A running ``ecr-emulator serve``. ``output`` is its printed text up to the line about the state."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.output = ""
        assert process.stdout is not None
        while "State: " not in self.output:
            line = process.stdout.readline()
            assert line, f"it ended with {process.wait()}: {self.output}"
            self.output += line
        found = re.search(r"is ready: (http://\S+)", self.output)
        assert found, self.output
        self.url = found[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECONDS)


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of this process without settings of the emulator and of AWS, plus some variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ECR_EMULATOR_", "AWS_"))}
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    return kept | {"PYTHONPATH": path} | variables


@contextmanager
def serving(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> Iterator[Served]:
    """``ecr-emulator serve`` in ``folder``, killed at the end if it still runs. Its log goes to ``folder/log``.

    ``under`` is the beginning of a command that runs another one in its own process.
    """
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*under, *COMMAND, "serve", *arguments],
            cwd=folder,
            env=environment(**(variables or {})),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        try:
            yield Served(process)
        finally:
            if process.poll() is None:
                process.kill()


def run(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``ecr-emulator`` with these arguments, to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
