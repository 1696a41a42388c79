"""API calls side by side with moto: raw signed requests over kept connections, alternating, in one run.

Needs the package with its test extra: ``python scripts/bench/api.py [rounds] [file.json]``. Prints a Markdown table,
and writes the figures as JSON. Both servers listen on loopback and stop at the end. A round measures each server once;
a figure is the median of the rounds. moto's server closes each connection; the time to connect again is not counted.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from scripts.bench.signed_requests import Connection, signed
from tests.support.processes import serving
from tests.support.programs import answers, free_port, start_program, stop

BUDGET = 5.0
IMAGES = 1_000
BATCH = 100
NAME, TARGET = "bench/app", "bench/target"
SCHEDULED = 2
"""The kind of Linux's processor clocks that count nanoseconds instead of ticks."""
EMPTY = b"{}"
CONFIG = f"sha256:{hashlib.sha256(EMPTY).hexdigest()}"

Make = Callable[[int, int], bytes]


class Server(NamedTuple):
    """A server: its name, its process, its port, and a connection to it."""

    name: str
    process: int
    port: int
    connection: Connection

    def processor_seconds(self) -> float:
        """Return the processor time that the process has used, by its clock (see clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.process << 3) | SCHEDULED)


class Cost(NamedTuple):
    """Microseconds of one request: wall time, and processor time of the server."""

    wall: float
    processor: float


class Work(NamedTuple):
    """A kind of request: ``make(port, number)`` returns a request, ``times`` of them are sent in a round."""

    name: str
    times: int
    make: Make


def manifest(number: int) -> str:
    """Return the text of an image manifest with one stored config and no layers, different for each number."""
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": CONFIG, "size": len(EMPTY)}
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [],
                       "annotations": {"number": str(number)}})  # fmt: skip


def put(port: int, name: str, number: int) -> bytes:
    return signed(port, "PutImage", repositoryName=name, imageManifest=manifest(number), imageTag=f"v{number}",
                  imageManifestMediaType=OCI_MANIFEST)  # fmt: skip


def create(port: int, number: int) -> bytes:
    return signed(port, "CreateRepository", repositoryName=f"new/{number}")


def put_next(port: int, number: int) -> bytes:
    return put(port, TARGET, number)


def describe(port: int, _: int) -> bytes:
    return signed(port, "DescribeImages", repositoryName=NAME, imageIds=[{"imageTag": "v7"}])


def describe_all(port: int, _: int = 0) -> bytes:
    return signed(port, "DescribeImages", repositoryName=NAME, maxResults=IMAGES)


def get_batch(port: int, _: int = 0) -> bytes:
    ids = [{"imageTag": f"v{number}"} for number in range(BATCH)]
    return signed(port, "BatchGetImage", repositoryName=NAME, imageIds=ids)


def get_token(port: int, _: int) -> bytes:
    return signed(port, "GetAuthorizationToken")


WORK = (
    Work("create repository", 100, create),
    Work("put image", 100, put_next),
    Work("describe 1 image", 200, describe),
    Work("describe 1,000 images", 5, describe_all),
    Work("batch get 100 images", 10, get_batch),
    Work("authorization token", 200, get_token),
)


@contextmanager
def emulator(folder: Path) -> Iterator[Server]:
    with serving(folder, "--port", "0", "--log-level", "error") as served:
        connection = Connection(served.port)
        yield Server("ecr_emulator", served.process.pid, served.port, connection)
        connection.close()


@contextmanager
def moto(folder: Path) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    process = start_program(command, folder / "moto.log", lambda: answers(f"http://127.0.0.1:{port}/moto-api/"))
    try:
        connection = Connection(port)
        yield Server("moto_server", process.pid, port, connection)
        connection.close()
    finally:
        stop(process)


def fill(server: Server) -> None:
    """Create the repositories, and 1,000 images with a tag each in one of them."""
    for name in (NAME, TARGET):
        server.connection.send(signed(server.port, "CreateRepository", repositoryName=name))
    if server.name == "ecr_emulator":
        for name in (NAME, TARGET):
            push_config(server, name)
    for number in range(IMAGES):
        server.connection.send(put(server.port, NAME, number))


def push_config(server: Server, name: str) -> None:
    """Upload the config of the images; moto does not ask for it."""
    upload = server.connection.call(signed(server.port, "InitiateLayerUpload", repositoryName=name))["uploadId"]
    session = {"repositoryName": name, "uploadId": upload}
    part = {"partFirstByte": 0, "partLastByte": len(EMPTY) - 1, "layerPartBlob": "e30="}
    server.connection.send(signed(server.port, "UploadLayerPart", **session, **part))
    server.connection.send(signed(server.port, "CompleteLayerUpload", **session, layerDigests=[CONFIG]))


def lap(server: Server, work: Work, numbers: Iterator[int]) -> Cost:
    """Send the requests of one round one after another. The client makes them before."""
    requests = [work.make(server.port, next(numbers)) for _ in range(work.times)]
    walls = []
    processor = server.processor_seconds()
    for request in requests:
        server.connection.open()
        began = time.perf_counter()
        server.connection.send(request)
        walls.append(time.perf_counter() - began)
    processor = server.processor_seconds() - processor
    return Cost(median(walls) * 1e6, processor / work.times * 1e6)


def check(server: Server) -> None:
    """Stop unless the answers are whole: a server that leaves out images is no peer."""
    whole = server.connection.call(describe_all(server.port))
    pulled = server.connection.call(get_batch(server.port))
    assert len(whole["imageDetails"]) == IMAGES, f"{server.name} described {len(whole['imageDetails'])} images"
    assert len(pulled["images"]) == BATCH, f"{server.name} returned {len(pulled['images'])} images"


def measure(rounds: int, folder: Path) -> dict[str, dict[str, Cost]]:
    """Return the medians, by work and by server."""
    with ExitStack() as stack:
        servers = [stack.enter_context(start(folder)) for start in (emulator, moto)]
        for server in servers:
            fill(server)
            check(server)
        numbers = {server.name: count(IMAGES) for server in servers}
        costs: dict[str, dict[str, list[Cost]]] = {work.name: {each.name: [] for each in servers} for work in WORK}
        for _ in range(rounds + 1):
            for work in WORK:
                for server in servers:
                    costs[work.name][server.name].append(lap(server, work, numbers[server.name]))
    return {
        work: {name: Cost(*map(median, zip(*laps[1:], strict=True))) for name, laps in of_work.items()}
        for work, of_work in costs.items()
    }


def table(costs: dict[str, dict[str, Cost]]) -> str:
    lines = [
        "| call | ecr_emulator, µs | moto_server, µs | ratio | processor, µs | moto's, µs | ratio | 5 times |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for work, by_server in costs.items():
        own, peer = by_server["ecr_emulator"], by_server["moto_server"]
        wall, processor = peer.wall / own.wall, peer.processor / own.processor
        lines.append(
            f"| {work} | {own.wall:,.0f} | {peer.wall:,.0f} | {wall:.1f} | {own.processor:,.0f} | "
            f"{peer.processor:,.0f} | {processor:.1f} | {'met' if wall >= BUDGET else 'missed'} |"
        )
    return "\n".join(lines)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    out = Path(sys.argv[2] if len(sys.argv) > 2 else "api.json")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        costs = measure(rounds, Path(folder))
    versions = {name: version(name) for name in ("ecr-emulator", "moto", "granian")}
    out.write_text(json.dumps({"rounds": rounds, "versions": versions, "costs": {
        work: {name: cost._asdict() for name, cost in by_server.items()} for work, by_server in costs.items()
    }}, indent=1))  # fmt: skip
    print(table(costs))


if __name__ == "__main__":
    main()
