"""Pushes of a large blob: time against the hash and the disk alone, and memory, in one run.

Needs the package with its test extra: ``python scripts/bench/push.py [rounds] [mebibytes] [file.json]``. A round hashes
a blob, writes it to the disk and syncs it, sends it to a callable that throws it away (``bare.py``), pushes it as one
stream, and pushes another one in chunks of 1 MiB. Every blob is a new one, and is deleted before the next. The emulator
runs on a data directory on the same disk, and listens on loopback. Figures are medians of the rounds.
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
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urljoin, urlsplit

import boto3
import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.bench.registries import NAME, Bare
from tests.support.processes import Served, serving

MIB = 1024 * 1024
HASH, DISK, TRANSFER = "sha256 alone", "disk write with sync alone", "transfer alone"
STREAM, CHUNKS = "one stream", "chunks of 1 MiB"
STREAM_BUDGET, CHUNKS_BUDGET, MEMORY_BUDGET = 1.2, 1.5, 16


class Client:
    """A client of the emulator."""

    def __init__(self, emulator: Served) -> None:
        self._ecr = boto3.client("ecr", endpoint_url=emulator.url, region_name="us-east-1",
                                 aws_access_key_id="123456789012", aws_secret_access_key="any")  # fmt: skip
        token = self._ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self._headers = {"Authorization": f"Basic {token}"}
        self._url = emulator.url
        self._connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=600)

    def reset(self) -> None:
        """Delete all blobs, and begin with an empty repository on a new connection."""
        requests.post(f"{self._url}/_ecr/reset", json={}, timeout=600).raise_for_status()
        self._ecr.create_repository(repositoryName=NAME)
        self._connection.close()

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


def transfer_alone(blob: Blob, url: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)
    connection.request("PUT", "/", blob.pieces(), {"Content-Length": str(blob.mebibytes * MIB)})
    connection.getresponse().read()
    connection.close()


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


def processor(emulator: Served) -> float:
    """Return the seconds of processor time that the emulator has used."""
    fields = Path(f"/proc/{emulator.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Figures:
    """The seconds of each kind of work, those of the emulator's processor time, and mebibytes of its memory."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.processor: dict[str, list[float]] = defaultdict(list)
        self.memory = 0.0

    def median(self, work: str) -> float:
        return median(self.seconds[work])


def measure(emulator: Served, bare: str, mebibytes: int, folder: Path, rounds: int) -> Figures:
    """Measure all kinds of work, each once in a round. The memory is its growth to the peak."""
    client, figures = Client(emulator), Figures()
    client.reset()
    push_chunks(client, Blob(1))
    before = memory(emulator, "VmRSS")
    for _ in range(rounds):
        blob = Blob(mebibytes)
        figures.seconds[HASH].append(timed(partial(hash_alone, blob)))
        figures.seconds[DISK].append(timed(partial(write_alone, blob, folder)))
        figures.seconds[TRANSFER].append(timed(partial(transfer_alone, blob, bare)))
        for work, push in ((STREAM, push_stream), (CHUNKS, push_chunks)):
            blob = Blob(mebibytes)
            client.reset()
            used = processor(emulator)
            figures.seconds[work].append(timed(partial(push, client, blob)))
            figures.processor[work].append(processor(emulator) - used)
    figures.memory = memory(emulator, "VmHWM") - before
    return figures


def table(mebibytes: int, figures: Figures) -> Iterator[str]:
    """Yield the lines of the table."""
    floor = max(figures.median(HASH), figures.median(DISK))
    yield f"| push of {mebibytes} MiB | median | processor | ratio | budget |\n| --- | --- | --- | --- | --- |"
    for work in (HASH, DISK, TRANSFER):
        yield f"| {work} | {figures.median(work):.2f} s | | | |"
    for work, than, base, budget in (
        (STREAM, "slower", floor, STREAM_BUDGET),
        (CHUNKS, "stream", figures.median(STREAM), CHUNKS_BUDGET),
    ):
        cells = f"{figures.median(work):.2f} s | {median(figures.processor[work]):.2f} s"
        yield f"| {work} | {cells} | {figures.median(work) / base:.2f} times the {than} | ≤ {budget} |"
    yield f"| memory | | | + {figures.memory:.0f} MiB | ≤ + {MEMORY_BUDGET} MiB |"


def main() -> None:
    given = dict(enumerate(sys.argv))
    rounds, mebibytes = int(given.get(1, "5")), int(given.get(2, "1024"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        arguments = ("--port", "0", "--log-level", "error", "--data-dir", "state")
        with Bare.running(Path(name) / "bare") as bare, serving(Path(name), *arguments) as emulator:
            figures = measure(emulator, bare.url, mebibytes, Path(name), rounds)
            emulator.stop()
    print("\n".join(table(mebibytes, figures)))
    if 3 in given:
        Path(given[3]).write_text(json.dumps(vars(figures), indent=2))


if __name__ == "__main__":
    main()
