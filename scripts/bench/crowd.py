"""Crowds of clients that hardly read, write or speak, and what other clients notice of each.

``python scripts/bench/crowd.py [file.json] [kind of crowd …]``. Needs nothing but the package and its test extra.
Everything listens on loopback and stops with the program. Each crowd meets an emulator of its own, which holds a pushed
image and caches another registry's. A client that keeps one connection pulls a warm manifest before the crowd comes and
while it is there. The emulator has ``PATIENCE`` seconds to end what makes no progress.
"""

from __future__ import annotations

import errno
import http.client
import json
import math
import os
import re
import resource
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Process, Queue
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import Content, image, layer
from scripts.bench.registries import NAME, TAG, RegistryAccess, push
from tests.support.boto import client_at
from tests.support.processes import Served, serving

MIB = 1024 * 1024
PULLS, ROUNDS = 1_000, 10
"""Warm manifests pulled for a percentile, and how often. The quietest round counts: other programs disturb, too."""
SETTLE_SECONDS = 3
"""Seconds that a crowd has to occupy what it can."""
PATIENCE = 80
"""Seconds after which a client without progress should have been disconnected: a minute, and some for the work."""
TIMEOUT = 60
"""Seconds after which an answer to an innocent client counts as a hang."""
HALF = 500_000
LARGE = layer("large", 32 * MIB)
IMAGE = image("crowd", LARGE)
SLOW = image("slow", layer("slow", 4 * MIB))
TRICKLE = (1_024, 0.1)
"""Bytes that the trickling upstream sends at a time, and the seconds between."""
UPSTREAMS = {"trickling": "quay.io", "silent": "registry.k8s.io"}
FACTOR, MEMORY_EACH = 2.0, 0.3
"""The budgets: the 99th percentile with a crowd, as a multiple of the one without, and mebibytes for each client."""


class Findings(NamedTuple):
    """The measurements of one crowd. Times are in milliseconds, memory in mebibytes for each client."""

    crowd: str
    p99_before: float
    p99: float
    slowest: float
    health: str
    memory_each: float
    answers: str
    left: int

    @property
    def verdict(self) -> str:
        """The budgets that are missed."""
        missed = []
        if self.p99 > FACTOR * self.p99_before:
            missed.append("p99")
        if self.memory_each > MEMORY_EACH:
            missed.append("memory")
        if not self.health.startswith("200"):
            missed.append("health")
        return f"missed: {', '.join(missed)}" if missed else "met"


# --- The upstreams ----------------------------------------------------------------------------------------------


def upstreams(ports: Queue[tuple[int, int]]) -> None:
    """Two registries in a process of their own: one sends its blobs slowly, the other accepts and never answers."""
    contents = {content.digest: content for content in (SLOW, *SLOW.blobs)} | {TAG: SLOW}

    class Trickling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            content: Content = contents[self.path.rpartition("/")[2]]
            self.send_response(200)
            self.send_header("Content-Type", OCI_MANIFEST)
            self.send_header("Content-Length", str(content.size))
            self.end_headers()
            step, pause = TRICKLE if content.size > MIB else (content.size, 0.0)
            with suppress(OSError):
                for start in range(0, content.size, step):
                    self.wfile.write(content.raw[start : start + step])
                    time.sleep(pause)

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Trickling)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as silent:
        ports.put((server.server_port, silent.getsockname()[1]))
        server.serve_forever()


# --- An emulator and its clients ----------------------------------------------------------------------------------


class Target:
    """An emulator with an image, to which crowds come."""

    def __init__(self, emulator: Served) -> None:
        self.emulator = emulator
        ecr = client_at(emulator.url, account="123456789012")
        ecr.create_repository(repositoryName=NAME)
        for prefix, host in UPSTREAMS.items():
            ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl=host)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.access = RegistryAccess(emulator.url, authorization=f"Basic {token}")
        push(self.access, IMAGE)
        self.get(f"/v2/trickling/app/manifests/{TAG}").raise_for_status()

    def get(self, path: str) -> requests.Response:
        headers = {"Authorization": self.access.authorization, "Accept": OCI_MANIFEST}
        return requests.get(f"{self.emulator.url}{path}", headers=headers, timeout=TIMEOUT)

    def upload(self) -> str:
        """Begin an upload; return its path."""
        begun = requests.post(
            f"{self.emulator.url}/v2/{NAME}/blobs/uploads/",
            headers={"Authorization": self.access.authorization},
            timeout=TIMEOUT,
        )
        begun.raise_for_status()
        return urlsplit(begun.headers["Location"]).path

    def connect(self, *lines: str) -> socket.socket:
        """Open a connection; send the head of a request on it if there are lines."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(TIMEOUT)
        connection.connect(("127.0.0.1", self.emulator.port))
        if lines:
            head = [*lines, f"Host: {self.emulator.host}", f"Authorization: {self.access.authorization}", "", ""]
            connection.sendall("\r\n".join(head).encode())
        connection.setblocking(False)
        return connection

    def memory(self) -> float:
        """Return the resident memory in mebibytes."""
        status = Path(f"/proc/{self.emulator.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024

    def sockets(self) -> int:
        """Return the number of sockets that the emulator has open."""
        files = Path(f"/proc/{self.emulator.process.pid}/fd")
        found = 0
        for each in files.iterdir():
            with suppress(FileNotFoundError):
                found += os.readlink(each).startswith("socket:")
        return found

    def percentile(self) -> tuple[float, float]:
        """Return the 99th percentile of the quietest round of warm pulls, and the slowest of all, in milliseconds.

        Both are infinite if an answer does not come.
        """
        rounds = [self._round() for _ in range(ROUNDS)]
        return min(rounds)[0], max(slowest for _, slowest in rounds)

    def _round(self) -> tuple[float, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=TIMEOUT)
        headers = {"Authorization": self.access.authorization, "Accept": OCI_MANIFEST, "Host": self.emulator.host}
        times = []
        try:
            for _ in range(PULLS):
                began = time.perf_counter()
                connection.request("GET", f"/v2/{NAME}/manifests/{TAG}", headers=headers)
                answer = connection.getresponse()
                assert answer.status == 200, answer.status
                answer.read()
                times.append(time.perf_counter() - began)
        except TimeoutError:
            return math.inf, math.inf
        finally:
            connection.close()
        times.sort()
        return times[PULLS * 99 // 100] * 1000, times[-1] * 1000

    def health(self) -> str:
        """Ask for the health on a new connection; return the status and the time."""
        began = time.perf_counter()
        try:
            status = str(self.get("/_ecr/health").status_code)
        except requests.RequestException as failure:
            status = type(failure).__name__
        return f"{status} in {(time.perf_counter() - began) * 1000:.0f} ms"


# --- Crowds ---------------------------------------------------------------------------------------------------------


def idle(target: Target, number: int) -> Iterator[socket.socket]:
    for _ in range(number):
        yield target.connect()


def pulls(path: str, target: Target, number: int) -> Iterator[socket.socket]:
    for _ in range(number):
        yield target.connect(f"GET /v2/{path} HTTP/1.1")


def writers(target: Target, number: int) -> Iterator[socket.socket]:
    for path in [target.upload() for _ in range(number)]:
        connection = target.connect(f"PATCH {path} HTTP/1.1", f"Content-Length: {2 * HALF}")
        connection.settimeout(TIMEOUT)
        with suppress(OSError):  # refused before it has sent all
            connection.sendall(bytes(HALF))
        connection.setblocking(False)
        yield connection


CROWDS: dict[str, tuple[int, Callable[[Target, int], Iterator[socket.socket]]]] = {
    "slow readers": (500, partial(pulls, f"{NAME}/blobs/{LARGE.digest}")),
    "slow writers": (500, writers),
    "clients of one trickling blob": (300, partial(pulls, f"trickling/app/blobs/{SLOW.blobs[-1].digest}")),
    "clients of a silent upstream": (300, partial(pulls, f"silent/app/manifests/{TAG}")),
    "idle connections": (2_000, idle),
}


def answer_to(connection: socket.socket) -> str:
    """Return the status that a client of the crowd has received, and whether it is told when to come back."""
    try:
        head = connection.recv(4_096).partition(b"\r\n\r\n")[0].decode("latin-1")
    except BlockingIOError:
        return "none yet"
    except OSError as failure:
        return errno.errorcode.get(failure.errno or 0, "failed")
    status = head.split(" ")[1] if " " in head else "closed"
    return f"{status} with Retry-After" if "retry-after" in head.lower() else status


def measure(target: Target, name: str) -> Findings:
    """Let a crowd come, and measure what others notice and what becomes of the crowd."""
    number, join = CROWDS[name]
    target.health()
    before, _ = target.percentile()
    memory, sockets = target.memory(), target.sockets()
    with ExitStack() as stack:
        began = time.monotonic()
        crowd = [stack.enter_context(connection) for connection in join(target, number)]
        time.sleep(SETTLE_SECONDS)
        health = target.health()
        during, slowest = target.percentile()
        grown = target.memory() - memory
        time.sleep(max(0.0, PATIENCE - (time.monotonic() - began)))
        left = target.sockets() - sockets
        answers = Counter(map(answer_to, crowd))
    words = ", ".join(f"{count} times {answer}" for answer, count in answers.most_common())
    return Findings(f"{number:,} {name}", before, during, slowest, health, grown / number, words, max(0, left))


@contextmanager
def emulators() -> Iterator[Callable[[ExitStack], Target]]:
    """Start the upstreams; yield a function that starts an emulator in front of them."""
    ports: Queue[tuple[int, int]] = Queue()
    process = Process(target=upstreams, args=(ports,), daemon=True)
    process.start()
    hosts = [f"{host}=http://127.0.0.1:{port}" for host, port in zip(UPSTREAMS.values(), ports.get(), strict=True)]

    def start(stack: ExitStack) -> Target:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        mapped = [text for host in hosts for text in ("--upstream-map", host)]
        arguments = ["--port", "0", "--import-mode", "lazy", "--log-level", "error", "--shutdown-timeout", "0"]
        return Target(stack.enter_context(serving(folder, *arguments, *mapped)))

    try:
        yield start
    finally:
        process.terminate()


def row(found: Findings) -> str:
    """Return a row of the table."""
    cells = (
        found.crowd, f"{found.p99_before:.2f} ms", f"{found.p99:.2f} ms", f"{found.slowest:.0f} ms", found.health,
        f"{found.memory_each:.2f} MiB", found.answers, f"{found.left}", found.verdict,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    file, *names = [*sys.argv[1:], ""][:1] + sys.argv[2:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    heads = (
        "crowd", "p99 before", "p99", "slowest", "health", "memory each", "answers to the crowd",
        f"connections after {PATIENCE} s", "budgets",
    )  # fmt: skip
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}", flush=True)
    findings = []
    with emulators() as start:
        for name in names or CROWDS:
            with ExitStack() as stack:
                findings.append(measure(start(stack), name))
            print(row(findings[-1]), flush=True)
    if file:
        Path(file).write_text(json.dumps([found._asdict() for found in findings], indent=2))


if __name__ == "__main__":
    main()
