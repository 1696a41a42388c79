"""Pushes of a large blob: time against the hash and the disk alone, and memory, in one run.

Needs the package with its test extra: ``python scripts/bench/push.py [rounds] [mebibytes] [file.json]``. A round hashes
the bytes, writes them to the disk and syncs it, pushes them as one stream, and pushes them in chunks of 1 MiB. The
emulator runs on a data directory on the same disk, and listens on loopback. Figures are medians of the rounds.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urljoin, urlsplit

import boto3

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.bench.registries import NAME
from tests.support.processes import Served, serving

MIB = 1024 * 1024
STREAM, CHUNKS, HASH, DISK = "one stream", "chunks of 1 MiB", "sha256", "disk write"
STREAM_BUDGET, CHUNKS_BUDGET, MEMORY_BUDGET = 1.2, 1.5, 16


class Client:
    """One connection to the emulator."""

    def __init__(self, emulator: Served) -> None:
        ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                           aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
        ecr.create_repository(repositoryName=NAME)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self._headers = {"Authorization": f"Basic {token}"}
        self._url = emulator.url
        self._connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=600)

    def begin(self) -> str:
        """Begin an upload; return its location."""
        return self.send("POST", f"/v2/{NAME}/blobs/uploads/", b"", 0, 202)

    def send(self, method: str, path: str, body: bytes | Iterator[bytes], length: int, status: int) -> str:
        """Send a request; return the location of the answer."""
        headers = self._headers | {"Content-Length": str(length)}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != status:
            sys.exit(f"{method} {path} was answered {answer.status}: {text.decode()}")
        location: str = urlsplit(urljoin(self._url, answer.headers["Location"])).path
        return location


class Blob:
    """A number of mebibytes, all with the same noise."""

    def __init__(self, mebibytes: int) -> None:
        self.mebibytes = mebibytes
        self._noise = os.urandom(MIB)
        hasher = hashlib.sha256()
        for piece in self.pieces():
            hasher.update(piece)
        self.digest = f"sha256:{hasher.hexdigest()}"

    def pieces(self) -> Iterator[bytes]:
        for _ in range(self.mebibytes):
            yield self._noise


def hash_alone(blob: Blob) -> None:
    hasher = hashlib.sha256()
    for piece in blob.pieces():
        hasher.update(piece)


def write_alone(blob: Blob, folder: Path) -> None:
    with (folder / "alone").open("wb", buffering=0) as file:
        for piece in blob.pieces():
            file.write(piece)
        os.fsync(file.fileno())
    (folder / "alone").unlink()


def push_stream(client: Client, blob: Blob) -> None:
    location = client.begin()
    client.send("PUT", f"{location}?digest={blob.digest}", blob.pieces(), blob.mebibytes * MIB, 201)


def push_chunks(client: Client, blob: Blob) -> None:
    location = client.begin()
    for piece in blob.pieces():
        location = client.send("PATCH", location, piece, MIB, 202)
    client.send("PUT", f"{location}?digest={blob.digest}", b"", 0, 201)


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def memory(emulator: Served, what: str) -> float:
    """Return mebibytes of the emulator: ``VmRSS`` is the current value, ``VmHWM`` the peak."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    (kilobytes,) = re.findall(rf"{what}:\s+(\d+) kB", status)
    return int(kilobytes) / 1024


def measure(emulator: Served, blob: Blob, folder: Path, rounds: int) -> tuple[dict[str, list[float]], float]:
    """Return the seconds of each kind of work, and the growth of the emulator's memory in mebibytes."""
    client = Client(emulator)
    push_chunks(client, Blob(1))
    before = memory(emulator, "VmRSS")
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        seconds[HASH].append(timed(lambda: hash_alone(blob)))
        seconds[DISK].append(timed(lambda: write_alone(blob, folder)))
        seconds[STREAM].append(timed(lambda: push_stream(client, blob)))
        seconds[CHUNKS].append(timed(lambda: push_chunks(client, blob)))
    return seconds, memory(emulator, "VmHWM") - before


def main() -> None:
    given = dict(enumerate(sys.argv))
    rounds, mebibytes = int(given.get(1, "5")), int(given.get(2, "1024"))
    blob = Blob(mebibytes)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        arguments = ("--port", "0", "--log-level", "error", "--data-dir", "state")
        with serving(Path(name), *arguments) as emulator:
            seconds, growth = measure(emulator, blob, Path(name), rounds)
            emulator.stop()
    middle = {work: median(times) for work, times in seconds.items()}
    floor = max(middle[HASH], middle[DISK])
    print(f"| push of {mebibytes} MiB | median | ratio | budget |\n| --- | --- | --- | --- |")
    print(f"| {HASH} alone | {middle[HASH]:.2f} s | | |\n| {DISK} with sync alone | {middle[DISK]:.2f} s | | |")
    print(f"| {STREAM} | {middle[STREAM]:.2f} s | {middle[STREAM] / floor:.2f} times the slower | ≤ {STREAM_BUDGET} |")
    ratio = middle[CHUNKS] / middle[STREAM]
    print(f"| {CHUNKS} | {middle[CHUNKS]:.2f} s | {ratio:.2f} times the stream | ≤ {CHUNKS_BUDGET} |")
    print(f"| memory | | + {growth:.0f} MiB | ≤ + {MEMORY_BUDGET} MiB |")
    if 3 in given:
        Path(given[3]).write_text(json.dumps({"seconds": seconds, "memory": growth}, indent=2))


if __name__ == "__main__":
    main()
