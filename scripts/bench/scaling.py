"""Throughput of 1, 2 and 4 nodes on PostgreSQL and shared blobs, beside one emulator on SQLite, in one run.

Needs wrk and PostgreSQL (Debian) and the package with its test extra: ``python scripts/bench/scaling.py [rounds]
[seconds] [file.json]``. If versitygw is on the path, there are also nodes whose blobs are in it ("and S3"). Everything
listens on loopback, and stops at the end. All set-ups hold the same image and run from the beginning to the end; one at
a time is loaded, in turns. Clients address the nodes in turn. A figure is the median of the rounds. PostgreSQL syncs
its commits.

A machine shows less than several would: nodes, PostgreSQL and clients share its cores. So the processor time of each
request is measured, too: of the nodes, whose number can grow, and of PostgreSQL, of which there is one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from multiprocessing import Pool
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import image, layer
from scripts.bench.api import SCHEDULED
from scripts.bench.registries import NAME, TAG, RegistryAccess, push
from tests.support.boto import client_at
from tests.support.nodes import ACCOUNT, node_processes
from tests.support.postgres import PostgresServer, find_programs, running_postgres
from tests.support.processes import Served, serving
from tests.support.s3 import find_gateway, running_gateway

MIB = 1024 * 1024
NODES = (1, 2, 4)
PUSHERS = 4
SMALL, LARGE = layer("small", 10_240), layer("large", MIB)
IMAGE = image("bench", SMALL, LARGE)


class Setup(NamedTuple):
    """Nodes with the same state; ``database`` is the server that has it, if it is PostgreSQL."""

    name: str
    nodes: list[Served]
    database: PostgresServer | None

    def processor_seconds(self) -> tuple[float, float]:
        """Return the processor time that the nodes have used, and that of PostgreSQL."""
        servers = self.database.processes() if self.database else []
        nodes = [node.process.pid for node in self.nodes]
        return sum(map(_processor_seconds, nodes)), sum(map(_processor_seconds, servers))


class Figures(NamedTuple):
    """Requests or pushes in a second, and the microseconds of processor time that each took."""

    rate: float
    node: float
    database: float


Load = Callable[[Setup, int], float]
"""Loads a set-up for some seconds, and returns the number of requests or pushes that were answered."""


# --- Loads -------------------------------------------------------------------------------------------------


def pulls(path: str, connections: int) -> Load:
    """Return a load of pulls of one path, over connections to all nodes."""

    def load(setup: Setup, seconds: int) -> float:
        each = max(1, connections // len(setup.nodes))
        running = [_wrk(node, path, each, seconds) for node in setup.nodes]
        return sum(_answered(wrk.communicate()[0]) for wrk in running)

    return load


def _wrk(node: Served, path: str, connections: int, seconds: int) -> subprocess.Popen[str]:
    url = f"http://127.0.0.1:{node.port}/v2/{NAME}/{path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-H", f"Accept: {OCI_MANIFEST}"]
    return subprocess.Popen([*command, url], stdout=subprocess.PIPE, text=True)


def _answered(report: str) -> float:
    if "Non-2xx" in report or "Socket errors" in report:
        sys.exit(f"a load failed:\n{report}")
    (number,) = re.findall(r"(\d+) requests in", report)
    return float(number)


def pushes(setup: Setup, seconds: int) -> float:
    """Push small images from several processes; each request goes to the next node."""
    ports = [node.port for node in setup.nodes]
    with Pool(PUSHERS) as pool:
        started = [(ports[at % len(ports) :] + ports[: at % len(ports)], seconds) for at in range(PUSHERS)]
        return sum(pool.starmap(push_for, started))


def push_for(ports: list[int], seconds: int) -> int:
    """Push images of a new layer until the time is over; return their number."""
    connections = cycle([http.client.HTTPConnection("127.0.0.1", port) for port in ports])
    end, unique = time.monotonic() + seconds, time.monotonic_ns()
    number = 0
    while time.monotonic() < end:
        push_image(connections, f"{unique} {number} {ports}".encode())
        number += 1
    return number


def push_image(connections: Iterator[http.client.HTTPConnection], layer: bytes) -> None:
    """Push an image of one layer in three requests."""
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    begun = _send(next(connections), "POST", f"/v2/{NAME}/blobs/uploads/", 202)
    _send(next(connections), "PUT", f"{urlsplit(begun).path}?digest={digest}", 201, layer)
    described = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": len(layer)}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": IMAGE.config.descriptor, "layers": [described]}
    _send(next(connections), "PUT", f"/v2/{NAME}/manifests/{digest[7:27]}", 201, json.dumps(manifest).encode())


def _send(connection: http.client.HTTPConnection, method: str, path: str, expected: int, body: bytes = b"") -> str:
    connection.request(method, path, body, {"Content-Type": OCI_MANIFEST})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != expected:
        sys.exit(f"{method} {path} failed: {answer.status} {text!r}")
    return answer.headers.get("Location", "")


LOADS: dict[str, Load] = {
    "manifest by tag, 16 connections": pulls(f"manifests/{TAG}", 16),
    "blob of 10 KiB, 16 connections": pulls(f"blobs/{SMALL.digest}", 16),
    "blob of 1 MiB, 8 connections": pulls(f"blobs/{LARGE.digest}", 8),
    f"push of a small image, {PUSHERS} clients": pushes,
}


# --- Set-ups -----------------------------------------------------------------------------------------------


def setups(stack: ExitStack, folder: Path, server: PostgresServer) -> Iterator[Setup]:
    """Yield the set-ups, each with the image."""
    options = ("--log-level", "error", "--registry-auth", "open", "--account", ACCOUNT)
    (folder / "sqlite").mkdir()
    alone = stack.enter_context(serving(folder / "sqlite", *options, "--port", "0", "--data-dir", "state"))
    yield _filled(Setup("SQLite", [alone], None))
    lend = stack.enter_context(server.databases())
    gateway = find_gateway()
    s3 = stack.enter_context(running_gateway(gateway)) if gateway else None
    for name, number in [(name, number) for name in ("PostgreSQL", *(["and S3"] if s3 else [])) for number in NODES]:
        here = folder / f"{name}-{number}"
        here.mkdir()
        blobs = s3.new_url() if s3 and name == "and S3" else None
        nodes = stack.enter_context(node_processes(lend(), here, *options[:4], blobs=blobs))
        yield _filled(Setup(f"{name}, {number}", [nodes.start() for _ in range(number)], server))


def _filled(setup: Setup) -> Setup:
    url = f"http://127.0.0.1:{setup.nodes[0].port}"
    client_at(url, account=ACCOUNT).create_repository(repositoryName=NAME)
    push(RegistryAccess(url), IMAGE)
    return setup


def _processor_seconds(process: int) -> float:
    return time.clock_gettime((~process << 3) | SCHEDULED)


# --- Figures -----------------------------------------------------------------------------------------------

Results = dict[str, dict[str, Figures]]
"""Figures by load and set-up."""


def measure(running: list[Setup], rounds: int, seconds: int) -> Results:
    """Return the medians of the rounds, in each of which every set-up has every load once."""
    found: dict[str, dict[str, list[Figures]]] = {name: {each.name: [] for each in running} for name in LOADS}
    for _ in range(rounds):
        for name, load in LOADS.items():
            for setup in running:
                found[name][setup.name].append(_figures(setup, load, seconds))
    return {
        name: {setup: Figures(*map(median, zip(*laps, strict=True))) for setup, laps in by.items()}
        for name, by in found.items()
    }


def _figures(setup: Setup, load: Load, seconds: int) -> Figures:
    before, began = setup.processor_seconds(), time.monotonic()
    number = load(setup, seconds)
    wall, after = time.monotonic() - began, setup.processor_seconds()
    node, database = ((late - early) / number * 1e6 for early, late in zip(before, after, strict=True))
    return Figures(number / wall, node, database)


def table(results: Results) -> Iterator[str]:
    """Yield the lines of a table. Ratios are to SQLite."""
    yield "| load | set-up | a second | ratio | processor of nodes, µs | of PostgreSQL, µs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for load, by in results.items():
        for setup, found in by.items():
            ratio = found.rate / by["SQLite"].rate
            yield f"| {load} | {setup} | {found.rate:,.0f} | {ratio:.2f} | {found.node:,.0f} | {found.database:,.0f} |"


def main() -> None:
    given = dict(enumerate(sys.argv))
    rounds, seconds = int(given.get(1, "5")), int(given.get(2, "3"))
    programs = find_programs()
    if programs is None or shutil.which("wrk") is None:
        sys.exit("This benchmark needs wrk and PostgreSQL: apt-get install wrk postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running_postgres(programs, " -c fsync=on"))
        results = measure(list(setups(stack, folder, server)), rounds, seconds)
    print("\n".join(table(results)))
    if 3 in given:
        figures = {load: {setup: found._asdict() for setup, found in by.items()} for load, by in results.items()}
        Path(given[3]).write_text(json.dumps({"rounds": rounds, "seconds": seconds, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
