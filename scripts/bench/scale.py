"""The cost of many images and repositories: the same requests at 1,000 and at many images in one repository.

Needs the package with its test extra: ``python scripts/bench/scale.py [images] [rounds] [file.json]``. A database is
filled through the store's own tables before its emulator starts. Both emulators listen on loopback and stop at the end.
A figure is the median of the rounds, which alternate.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import Registry
from ecr_emulator.storage.connections import connect
from ecr_emulator.storage.store import SqlStore
from scripts.bench.api import manifest
from scripts.bench.signed_requests import Connection, plain, signed
from tests.support.processes import serving
from tests.support.storage import NOW, a_repository

FEW, BUDGET, TIMES = 1_000, 1.5, 40
NAME = "bench/app"
HOME = Registry("123456789012", "us-east-1")


def fill(database: Path, images: int, repositories: int) -> None:
    """Store repositories, and images with a tag each in the first of them. Every tenth image is archived."""
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        key = work.repositories.add(a_repository(NAME, HOME)).key
        for number in range(1, repositories):
            work.repositories.add(a_repository(f"other/{number:05}", HOME))
    at = int(NOW.timestamp() * 1000)
    raws = ((number, manifest(number).encode()) for number in range(images))
    rows = ((number, hashlib.sha256(raw).hexdigest(), raw) for number, raw in raws)
    with closing(connect(database, durable=False)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN")
        for number, digest, raw in rows:
            status = "ARCHIVED" if number % 10 == 5 else "ACTIVE"
            connection.execute("INSERT INTO manifests VALUES (?, ?)", (f"sha256:{digest}", raw))
            connection.execute(
                "INSERT INTO images (id, repository_id, digest, media_type, size_in_bytes, pushed_at, status)"
                " VALUES (?, ?, ?, ?, 2, ?, ?)",
                (number + 1, key, f"sha256:{digest}", OCI_MANIFEST, at, status),
            )
            connection.execute("INSERT INTO tags VALUES (?, ?, ?, ?)", (key, f"v{number:07}", number + 1, at))
        connection.execute("UPDATE repositories SET image_count = ? WHERE id = ?", (images, key))
        connection.execute("COMMIT")


def work(port: int, token: str, images: int) -> dict[str, bytes]:
    """Return the measured requests by their names."""
    api = {"repositoryName": NAME, "maxResults": 100}
    middle, bearer = f"v{images // 2 - images // 2 % 10:07}", {"Authorization": f"Basic {token}"}
    return {
        "DescribeImages, page of 100": signed(port, "DescribeImages", **api),
        "ListImages, page of 100": signed(port, "ListImages", **api),
        "ListImages, UNTAGGED": signed(port, "ListImages", **api, filter={"tagStatus": "UNTAGGED"}),
        "ListImages, ARCHIVED": signed(port, "ListImages", **api, filter={"imageStatus": "ARCHIVED"}),
        "DescribeRepositories, page of 100": signed(port, "DescribeRepositories", maxResults=100),
        "tags from the middle": plain(port, f"/v2/{NAME}/tags/list?n=100&last={middle}", **bearer),
        "manifest by tag, not remembered": plain(port, f"/v2/{NAME}/manifests/{middle}?NUMBER", **bearer),
    }


def lap(connection: Connection, request: bytes) -> float:
    """Return the median microseconds of a request that is sent several times."""
    walls = []
    for number in range(TIMES):
        each = request.replace(b"NUMBER", str(number).encode())
        began = time.perf_counter()
        connection.send(each)
        walls.append((time.perf_counter() - began) * 1e6)
    return median(walls)


def measure(images: int, rounds: int, folder: Path) -> dict[str, dict[int, float]]:
    """Return microseconds by work and by number of images."""
    servers: dict[int, tuple[Connection, dict[str, bytes]]] = {}
    with ExitStack() as stack:
        for number, repositories in ((FEW, 100), (images, 10_000)):
            state = folder / str(number) / "state"
            state.mkdir(parents=True)
            fill(state / "ecr.sqlite", number, repositories)
        for number in (FEW, images):
            arguments = ("--port", "0", "--log-level", "error", "--data-dir", "state")
            served = stack.enter_context(serving(folder / str(number), *arguments))
            connection = Connection(served.port)
            answer = connection.call(signed(served.port, "GetAuthorizationToken"))
            token = answer["authorizationData"][0]["authorizationToken"]
            servers[number] = connection, work(served.port, token, number)
        costs: dict[str, dict[int, list[float]]] = {name: {} for name in servers[FEW][1]}
        for _ in range(rounds):
            for name, by in costs.items():
                for number, (connection, requests) in servers.items():
                    by.setdefault(number, []).append(lap(connection, requests[name]))
    return {name: {number: median(laps) for number, laps in by.items()} for name, by in costs.items()}


def main() -> None:
    images, rounds = (int(text) for text in (sys.argv[1:3] + ["1000000", "5"][len(sys.argv[1:3]) :]))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        costs = measure(images, rounds, Path(folder))
    Path(sys.argv[3] if len(sys.argv) > 3 else "scale.json").write_text(json.dumps(costs, indent=1))
    print(f"| request | {FEW:,} images, µs | {images:,} images, µs | ratio | 1.5 times |")
    print("| --- | --- | --- | --- | --- |")
    for name, by in costs.items():
        ratio = by[images] / by[FEW]
        met = "met" if ratio <= BUDGET else "missed"
        print(f"| {name} | {by[FEW]:,.0f} | {by[images]:,.0f} | {ratio:.2f} | {met} |")


if __name__ == "__main__":
    main()
