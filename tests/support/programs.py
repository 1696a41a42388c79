"""Find and run programs of the system; run the registry distribution, which serves as upstream."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest
import requests

# s3cret-token, hashed with bcrypt as htpasswd does it
HTPASSWD = "hub-user:$2b$05$abcdefghijklmnopqrstuurqlfNK1j3DPm23UErfIbGaYIPKJXOC2\n"
CHECKS = 600
"""Number of checks whether a program is ready, at 20 per second."""
HUB_USER, HUB_TOKEN = "hub-user", "s3cret-token"


def program(name: str) -> str:
    """Return the path of a real client. Without it the journey is skipped, or fails if CI requires the client."""
    path = shutil.which(name)
    if path is None:
        not_installed(name)
    return path


def package(name: str) -> None:
    """Skip the journey, or let it fail if CI requires the clients, unless this Python package is installed."""
    if find_spec(name) is None:
        not_installed(name)


def not_installed(name: str) -> NoReturn:
    """Skip a test for want of a program, or let it fail if CI requires all of them."""
    message = f"{name} is not installed"
    if os.environ.get("JOURNEYS_REQUIRE_CLIENTS"):
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Return whether a server answers at a URL."""
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return False
    return True


def until(happens: Callable[[], object]) -> None:
    """Wait until another program has made a condition true."""
    for _ in range(CHECKS):
        if happens():
            return
        time.sleep(0.05)
    pytest.fail("the awaited condition did not become true")


def start_program(command: list[str], log: Path, ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
    """Start a server and return its process as soon as it is ready. Its output is appended to a file."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    for _ in range(CHECKS):
        if process.poll() is not None:
            break
        if ready():
            return process
        time.sleep(0.05)
    stop(process)
    pytest.fail(f"{command[0]} is not ready:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> int:
    """Stop a process with SIGTERM, and return its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Distribution:
    """Debian's docker-registry, with Basic authentication unless ``is_open``."""

    def __init__(self, folder: Path, *, is_open: bool = False) -> None:
        self._program = program("docker-registry")
        self._log = folder / "distribution.log"
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._config = folder / "distribution.yml"
        (folder / "htpasswd").write_text(HTPASSWD)
        self._config.write_text(
            "version: 0.1\n"
            "log: {level: info, accesslog: {disabled: false}}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder / 'distribution'}}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\n"
            + ("" if is_open else f"auth: {{htpasswd: {{realm: hub, path: {folder / 'htpasswd'}}}}}\n")
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "serve", str(self._config)]
        self._process = start_program(command, self._log, ready=lambda: answers(f"{self.url}/v2/"))

    def stop(self) -> None:
        assert self._process
        stop(self._process)

    def requests(self) -> list[tuple[str, str]]:
        """Return method and path of the manifest and blob requests so far, except those that were answered 401."""
        return [(method, path) for method, path, status in self._answered() if status != 401]

    def downloads(self, digest: str) -> list[int]:
        """Return the statuses of the finished downloads of a blob."""
        return [status for method, path, status in self._answered() if method == "GET" and path.endswith(digest)]

    def _answered(self) -> list[tuple[str, str, int]]:
        lines = re.findall(r'"(GET|HEAD) (/v2/\S*/(?:manifests|blobs)/\S+) HTTP/1\.1" (\d+)', self._log.read_text())
        return [(method, path, int(status)) for method, path, status in lines]
