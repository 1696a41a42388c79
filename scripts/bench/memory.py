"""Memory, files and database of the emulator: idle, during large transfers, and after hours of traffic.

``python scripts/bench/memory.py [mebibytes of a transfer] [hours] [file.json]``. Needs nothing but the package and its
test extra. Eight clients push, and then pull, blobs of that size at the same time; the disk must have room for them. An
hour of traffic is 60 minutes of the emulator's clock, each with a push, pulls, calls of the API and a deletion. After
each hour the clock moves on by two days, so that everything left over is due for collection.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import requests

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.images import image, layer
from scripts.bench.registries import NAME, RegistryAccess, push
from tests.support.boto import client_at
from tests.support.processes import Served, serving

MIB = 1024 * 1024
TRANSFERS = 8
TIMEOUT = 600
IDLE_BUDGET, TRANSFER_BUDGET = 60.0, 64.0
"""Mebibytes of an emulator that has answered only its health; mebibytes that all transfers add together."""
ARGUMENTS = ("--port", "0", "--log-level", "error", "--data-dir", "state", "--event-log-size", "500")


def memory(emulator: Served, what: str = "VmRSS") -> float:
    """Return the resident memory in mebibytes: ``VmRSS`` is the current value, ``VmHWM`` the peak."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    return int(re.findall(rf"{what}:\s+(\d+) kB", status)[0]) / 1024


def forget_peak(emulator: Served) -> None:
    """Let the peak begin at the current value."""
    Path(f"/proc/{emulator.process.pid}/clear_refs").write_text("5")


class Client:
    """A client of a running emulator."""

    def __init__(self, emulator: Served) -> None:
        self.emulator = emulator
        self.ecr = client_at(emulator.url, account="123456789012")
        self.ecr.create_repository(repositoryName=NAME)

    @property
    def access(self) -> RegistryAccess:
        """Access with a new token, since the clock moves."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        return RegistryAccess(self.emulator.url, authorization=f"Basic {token}")

    def send(
        self, method: str, path: str, authorization: str, body: Iterator[bytes] | None = None, size: int = 0
    ) -> str:
        """Send a request with a streamed body; read the answer piece by piece. Return its Location."""
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator.port, timeout=TIMEOUT)
        headers = {"Authorization": authorization} | ({"Content-Length": str(size)} if body else {})
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        assert answer.status < 300, answer.status
        while answer.read(MIB):
            pass
        connection.close()
        return urlsplit(answer.headers.get("Location", "")).path


def pieces(number: int, mebibytes: int) -> Iterator[bytes]:
    """Yield a blob that no other number has, a mebibyte at a time."""
    for position in range(mebibytes):
        yield f"{number:08}{position:08}".encode() * (MIB // 16)


def digest(number: int, mebibytes: int) -> str:
    """Return the digest of a blob."""
    hasher = sha256()
    for piece in pieces(number, mebibytes):
        hasher.update(piece)
    return f"sha256:{hasher.hexdigest()}"


def transfers(client: Client, mebibytes: int) -> Iterator[tuple[str, float]]:
    """Push blobs at the same time, then pull them; yield by how much each raises the peak of the memory."""
    with ThreadPoolExecutor(TRANSFERS) as threads:
        digests = list(threads.map(lambda number: digest(number, mebibytes), range(TRANSFERS)))
        authorization = client.access.authorization
        base = f"/v2/{NAME}/blobs"

        def push_one(number: int) -> None:
            path = client.send("POST", f"{base}/uploads/", authorization)
            given = f"{path}?digest={digests[number]}"
            client.send("PUT", given, authorization, pieces(number, mebibytes), mebibytes * MIB)

        def pull_one(number: int) -> None:
            client.send("GET", f"{base}/{digests[number]}", authorization)

        for what, work in (("pushes", push_one), ("pulls", pull_one)):
            before = memory(client.emulator)
            forget_peak(client.emulator)
            list(threads.map(work, range(TRANSFERS)))
            yield f"{TRANSFERS} {what} of {mebibytes:,} MiB at once", memory(client.emulator, "VmHWM") - before


class State(NamedTuple):
    """The state of an emulator after an hour of traffic and the collection that follows."""

    memory: float
    database: int
    events: int
    files: int
    blobs: int
    unfinished: int

    @classmethod
    def of(cls, emulator: Served, folder: Path) -> State:
        """Return the state: memory in mebibytes, the database in bytes, and numbers."""
        answer = requests.get(f"{emulator.url}/_ecr/events", timeout=TIMEOUT)
        return cls(
            memory(emulator),
            (folder / "ecr.sqlite").stat().st_size,
            len(answer.json()["events"]),
            len(list(Path(f"/proc/{emulator.process.pid}/fd").iterdir())),
            sum(path.is_file() for path in (folder / "blobs").rglob("*")),
            len(list((folder / "ingest").iterdir())),
        )


def hour(client: Client, number: int) -> None:
    """Let an hour of traffic pass in 60 steps, and then two days without any."""
    for minute in range(60):
        client.emulator.advance("1m")
        access, tag = client.access, f"v{number}-{minute}"
        push(access, image(tag, layer(tag, 100_000)), tag)
        for _ in range(3):
            client.send("GET", f"/v2/{NAME}/manifests/{tag}", access.authorization)
        client.ecr.describe_images(repositoryName=NAME)
        client.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])
    for _ in range(4):
        client.emulator.advance("12h")
        client.ecr.describe_repositories()


def hours(client: Client, folder: Path, count: int) -> list[State]:
    """Return the state after each hour. The first fills what has a limit, like the log of events."""
    states = []
    for number in range(count):
        hour(client, number)
        states.append(State.of(client.emulator, folder))
    return states


def main() -> None:
    given = dict(enumerate(sys.argv))
    mebibytes, count = int(given.get(1, "2048")), int(given.get(2, "4"))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with serving(folder, *ARGUMENTS) as emulator:
            requests.get(f"{emulator.url}/_ecr/health", timeout=TIMEOUT).raise_for_status()
            idle = memory(emulator)
            client = Client(emulator)
            states = hours(client, folder / "state", count)
            grown = dict(transfers(client, mebibytes))
            emulator.stop()
    print("| what | MiB | budget | |\n| --- | --- | --- | --- |")
    rows = [("idle", idle, IDLE_BUDGET), *((what, growth, TRANSFER_BUDGET) for what, growth in grown.items())]
    for what, found, budget in rows:
        print(f"| {what} | {found:.1f} | ≤ {budget:g} | {'met' if found <= budget else 'missed'} |")
    print(f"\n| after | {' | '.join(State._fields)} |\n|{' --- |' * (len(State._fields) + 1)}")
    for number, state in enumerate(states, 1):
        print(f"| hour {number} | {state.memory:.1f} MiB | {' | '.join(f'{each:,}' for each in state[1:])} |")
    if 3 in given:
        found_all = {"idle": idle, "grown": grown, "states": [state._asdict() for state in states]}
        Path(given[3]).write_text(json.dumps(found_all, indent=2))


if __name__ == "__main__":
    main()
