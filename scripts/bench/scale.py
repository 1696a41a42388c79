"""The cost of many images and repositories: the same requests at 1,000 and at many images in one repository.

Needs the package with its test extra: ``python scripts/bench/scale.py [images] [rounds] [files] [file.json]``. The
databases are filled before their emulators start; ``files`` is the number of files of blobs beside the many images.
Both emulators listen on loopback and stop at the end. A figure is the median of the rounds, which alternate; the first
round is not counted. Starts and resets are measured once.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.connections import connect
from ecr_emulator.storage.data_directory import DATABASE
from ecr_emulator.storage.store import SqlStore
from scripts.bench.api import Cost, Server, manifest, push_config, put
from scripts.bench.many_images import filling
from scripts.bench.signed_requests import Connection, plain, signed
from tests.support.processes import Served, serving
from tests.support.storage import NOW, a_repository

FEW, BUDGET, TIMES, BATCH = 1_000, 1.5, 40, 10_000
ARCHIVED = 200
"""Number of archived images in either repository: both have a full page of them."""
NAME = "bench/app"
HOME = Registry("123456789012", "us-east-1")

Make = Callable[[int], bytes]
Costs = dict[str, dict[int, Cost]]


class Seconds(NamedTuple):
    """Seconds of a start or a reset: wall time, and processor time of the server."""

    wall: float
    processor: float


class Filled(NamedTuple):
    """A server with many or few images, and its requests by their names. Each takes the number of the request."""

    server: Server
    requests: dict[str, Make]


def fill(state: Path, images: int, repositories: int) -> None:
    """Store repositories, and images with a tag each in the first of them.

    The row of the repository does not count the images: ECR refuses pushes beyond 100,000, and these are measured too.
    """
    with closing(SqlStore(state / DATABASE, durable=False)) as store, store.writing() as work:
        key = work.repositories.add(a_repository(NAME, HOME)).key
        for number in range(1, repositories):
            work.repositories.add(a_repository(f"other/{number:05}", HOME))
    numbers = iter(range(images))
    with closing(connect(state / DATABASE, durable=False)) as connection, filling(connection):
        while batch := list(islice(numbers, BATCH)):
            _add(connection, key, batch)


def _add(connection: sqlite3.Connection, key: int, numbers: list[int]) -> None:
    at = int(NOW.timestamp() * 1000)
    raws = [manifest(number).encode() for number in numbers]
    digests = [f"sha256:{hashlib.sha256(raw).hexdigest()}" for raw in raws]
    connection.executemany("INSERT INTO manifests VALUES (?, ?)", zip(digests, raws, strict=True))
    connection.executemany(
        "INSERT INTO images (id, repository_id, digest, media_type, size_in_bytes, pushed_at, status, is_tagged)"
        " VALUES (?, ?, ?, ?, 2, ?, ?, 1)",
        (
            (number + 1, key, digest, OCI_MANIFEST, at, "ARCHIVED" if number < ARCHIVED else "ACTIVE")
            for number, digest in zip(numbers, digests, strict=True)
        ),
    )
    connection.executemany(
        "INSERT INTO tags VALUES (?, ?, ?, ?)", ((key, f"v{number:07}", number + 1, at) for number in numbers)
    )


def add_files(state: Path, number: int) -> None:
    """Write so many files at the paths of blobs. No repository holds them: a reset looks at them all the same."""
    for position in range(number):
        encoded = hashlib.sha256(b"%d" % position).hexdigest()
        path = state / "blobs" / "sha256" / encoded[:2] / encoded
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def requests_of(port: int, token: str, images: int) -> dict[str, Make]:
    """Return the measured requests."""
    api = {"repositoryName": NAME, "maxResults": 100}
    middle, login = f"v{images // 2:07}", {"Authorization": f"Basic {token}"}

    def push(number: int) -> bytes:
        raw, path = manifest(10**9 + number).encode(), f"/v2/{NAME}/manifests/pushed-{number}"
        return plain(port, path, {**login, "Content-Type": OCI_MANIFEST}, "PUT", raw)

    def call(operation: str, **members: object) -> Make:
        request = signed(port, operation, **members)
        return lambda _: request

    return {
        "PutImage": lambda number: put(port, NAME, 10**8 + number),
        "push of a manifest": push,
        "DescribeImages, page of 100": call("DescribeImages", **api),
        "ListImages, page of 100": call("ListImages", **api),
        "ListImages, UNTAGGED": call("ListImages", **api, filter={"tagStatus": "UNTAGGED"}),
        "ListImages, ARCHIVED": call("ListImages", **api, filter={"imageStatus": "ARCHIVED"}),
        "DescribeRepositories, page of 100": call("DescribeRepositories", maxResults=100),
        "CreateRepository": lambda number: signed(port, "CreateRepository", repositoryName=f"new/{number}"),
        "tags from the middle": lambda _: plain(port, f"/v2/{NAME}/tags/list?n=100&last={middle}", login),
        "manifest by tag, not remembered": lambda number: plain(port, f"/v2/{NAME}/manifests/{middle}?{number}", login),
    }


def lap(filled: Filled, name: str, numbers: Iterator[int]) -> Cost:
    """Send the requests of one round one after another. The client makes them before."""
    connection, walls = filled.server.connection, []
    requests = [filled.requests[name](number) for number in islice(numbers, TIMES)]
    processor = filled.server.processor_seconds()
    for request in requests:
        connection.open()
        began = time.perf_counter()
        connection.send(request)
        walls.append((time.perf_counter() - began) * 1e6)
    processor = filled.server.processor_seconds() - processor
    return Cost(median(walls), processor / TIMES * 1e6)


def started(stack: ExitStack, folder: Path) -> tuple[Served, Seconds]:
    """Start a server on ``folder/state``; return it, and the seconds until it has answered an API request."""
    began = time.perf_counter()
    served = stack.enter_context(serving(folder, "--port", "0", "--log-level", "error", "--data-dir", "state"))
    server = Server(str(folder), served.process.pid, served.port, Connection(served.port))
    server.connection.call(signed(served.port, "DescribeRepositories", maxResults=1))
    server.connection.close()
    return served, Seconds(time.perf_counter() - began, server.processor_seconds())


def reset(served: Served) -> Seconds:
    """Reset everything; return the seconds."""
    server = Server("reset", served.process.pid, served.port, Connection(served.port))
    request = plain(served.port, "/_ecr/reset", {"Content-Type": "application/json"}, "POST", b"{}")
    began, processor = time.perf_counter(), server.processor_seconds()
    server.connection.send(request)
    seconds = Seconds(time.perf_counter() - began, server.processor_seconds() - processor)
    server.connection.close()
    return seconds


def measure(
    images: int, rounds: int, files: int, folder: Path
) -> tuple[dict[str, dict[int, Cost]], dict[str, Seconds]]:
    """Return the costs by request and by number of images, and the seconds of starts and of the reset."""
    sizes, seconds = {FEW: 100, images: 10_000}, dict[str, Seconds]()
    for number, repositories in sizes.items():
        (folder / str(number) / "state").mkdir(parents=True)
        fill(folder / str(number) / "state", number, repositories)
    add_files(folder / str(images) / "state", files)
    os.sync()  # otherwise the commits that are measured wait for what was filled
    with ExitStack() as stack:
        filled = {}
        for number in sizes:
            # What was filled by hand has no mark of an orderly end.
            served, seconds[f"start with {number:,} images, as after a kill"] = started(stack, folder / str(number))
            server = Server(str(number), served.process.pid, served.port, Connection(served.port))
            answer = server.connection.call(signed(server.port, "GetAuthorizationToken"))
            token = answer["authorizationData"][0]["authorizationToken"]
            push_config(server, NAME)
            filled[number] = Filled(server, requests_of(server.port, token, number))
        costs = alternate(filled, rounds)
        served.stop()
        served, seconds[f"start with {images:,} images"] = started(stack, folder / str(images))
        seconds[f"reset with {images:,} images and {files:,} files"] = reset(served)
        served.stop()
        _, seconds[f"start after a reset of {images:,} images"] = started(stack, folder / str(images))
    return costs, seconds


def alternate(filled: dict[int, Filled], rounds: int) -> Costs:
    """Return the medians of the rounds but the first."""
    laps: dict[str, dict[int, list[Cost]]] = {name: {} for name in filled[FEW].requests}
    numbers = {number: count() for number in filled}
    for _ in range(rounds + 1):
        for name, by in laps.items():
            for number, each in filled.items():
                by.setdefault(number, []).append(lap(each, name, numbers[number]))
    return {
        name: {number: Cost(*map(median, zip(*each[1:], strict=True))) for number, each in by.items()}
        for name, by in laps.items()
    }


def main() -> None:
    given = [int(text) for text in sys.argv[1:4]]
    images, rounds, files = given + [1_000_000, 5, 100_000][len(given) :]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        costs, seconds = measure(images, rounds, files, Path(folder))
    out = Path(sys.argv[4] if len(sys.argv) > 4 else "scale.json")
    by_size = {name: {number: cost._asdict() for number, cost in by.items()} for name, by in costs.items()}
    by_work = {work: cost._asdict() for work, cost in seconds.items()}
    out.write_text(json.dumps({"rounds": rounds, "files": files, "costs": by_size, "seconds": by_work}, indent=1))
    print(f"| request | {FEW:,} images, µs | {images:,}, µs | ratio | processor, µs | µs | ratio | 1.5 times |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, by in costs.items():
        few, many = by[FEW], by[images]
        wall, processor = many.wall / few.wall, many.processor / few.processor
        print(
            f"| {name} | {few.wall:,.0f} | {many.wall:,.0f} | {wall:.2f} | {few.processor:,.0f} | "
            f"{many.processor:,.0f} | {processor:.2f} | {'met' if wall <= BUDGET else 'missed'} |"
        )
    print("\n| work | wall, s | processor, s |\n| --- | --- | --- |")
    for work, each in seconds.items():
        print(f"| {work} | {each.wall:.2f} | {each.processor:.2f} |")


if __name__ == "__main__":
    main()
