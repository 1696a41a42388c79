"""Long work on a repository with many images: its time, and that of the requests of another client meanwhile.

``python scripts/bench/long_work.py [images]``. Needs nothing but the package and its test extra. The images are written
straight into the database, and have no files. Half of them have no tag, and a lifecycle policy expires those.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.names import Registry
from scripts.bench.cold_blobs import memory
from scripts.bench.many_images import fill
from tests.support.boto import client_at
from tests.support.images import an_image, put_image
from tests.support.processes import Served, serving

HOME = Registry("000000000000", "us-east-1")
BIG, SMALL = "big/app", "small/app"
SELECTION = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
POLICY = json.dumps({"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]})
PAUSE = 0.01
"""Seconds between two requests of the client."""


class Measured(NamedTuple):
    """The seconds that work took, those of each request meanwhile, and by how many mebibytes memory grew."""

    work: str
    seconds: float
    requests: Sequence[float] = ()
    growth: int | None = None

    def row(self) -> str:
        """Return the row of the table."""
        ordered = [f"{seconds * 1000:.0f} ms" for seconds in sorted(self.requests)]
        middle, late, slowest = (
            (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]) if ordered else "---"
        )
        growth = "-" if self.growth is None else f"{self.growth} MiB"
        return f"| {self.work} | {self.seconds:.2f} s | {middle} | {late} | {slowest} | {growth} |"


@contextmanager
def another_client(emulator: Served) -> Iterator[list[float]]:
    """Pull a manifest of another repository and describe its images in turn; yield the seconds of each request."""
    ecr = client_at(emulator.url, account=HOME.id, region=HOME.region)
    took: list[float] = []
    is_over = Event()

    def pull() -> None:
        requests.get(f"{emulator.url}/v2/{SMALL}/manifests/v1", timeout=600).raise_for_status()

    def ask() -> None:
        while not is_over.wait(PAUSE):
            for request in (pull, lambda: ecr.describe_images(repositoryName=SMALL)):
                began = time.perf_counter()
                request()
                took.append(time.perf_counter() - began)

    thread = Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        is_over.set()
        thread.join()


def measure(emulator: Served, work: str, do: Callable[[], object], *, beside: bool = True) -> Measured:
    """Do work, with requests of another client beside it or without."""
    before = memory(emulator, "VmRSS")
    began = time.perf_counter()
    if not beside:
        do()
        return Measured(work, time.perf_counter() - began)
    with another_client(emulator) as took:
        do()
        seconds = time.perf_counter() - began
    return Measured(work, seconds, took, max(0, memory(emulator, "VmHWM") - before))


def post(emulator: Served, path: str) -> None:
    """Send a request that does work before its answer."""
    requests.post(f"{emulator.url}/_ecr/{path}", json={}, timeout=3600).raise_for_status()


def start(folder: Path, work: str) -> Measured:
    """Start a server on the data directory; the measurement ends with the answer of an API call."""
    began = time.perf_counter()
    with running(folder) as emulator:
        client_at(emulator.url, account=HOME.id, region=HOME.region).describe_repositories()
        seconds = time.perf_counter() - began
        emulator.stop()
    return Measured(work, seconds)


@contextmanager
def running(folder: Path) -> Iterator[Served]:
    """Run a server on ``folder/state``."""
    with serving(folder, "--port", "0", "--registry-auth", "open", "--data-dir", str(folder / "state")) as emulator:
        yield emulator


def run(folder: Path, images: int) -> Iterator[Measured]:
    """Yield the measurements of one data directory, from its start to its reset."""
    yield start(folder, "start on an empty data directory")
    newest_at = int(time.time() * 1000)
    fill(folder / "state", images, newest_at, repository=BIG, registry=HOME, policy=POLICY)
    yield start(folder, f"start with {images:,} images")
    with running(folder) as emulator:
        ecr = client_at(emulator.url, account=HOME.id, region=HOME.region)
        ecr.create_repository(repositoryName=SMALL)
        put_image(ecr, SMALL, an_image(), "v1")
        ecr.put_lifecycle_policy(repositoryName=BIG, lifecyclePolicyText=POLICY)
        yield measure(emulator, f"evaluation that expires {images // 2:,}", lambda: post(emulator, "lifecycle"))
        yield measure(emulator, f"evaluation of the other {images // 2:,}", lambda: post(emulator, "lifecycle"))
        yield measure(emulator, "collection", lambda: post(emulator, "gc"))
        yield measure(emulator, "reset", lambda: post(emulator, "reset"), beside=False)
        emulator.stop()


def main() -> None:
    images = int((*sys.argv[1:], "100000")[0])
    print("| work | time | other requests: median | 99 % | slowest | memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for measured in run(Path(folder), images):
            print(measured.row(), flush=True)


if __name__ == "__main__":
    main()
