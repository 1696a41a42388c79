"""Cold pulls side by side: this emulator and other pull through caches, in front of one real upstream, in one run.

Needs docker-registry and nginx (Debian), the package with its test extra, and for a third peer drayage (PyPI):
``python scripts/bench/pull_through.py [rounds] [file.json]``. Prints the tables of docs/performance.md, and writes them
as JSON, too. distribution 3, zot and angos take part if they are on the path. Everything listens on loopback, starts
with an empty cache for every measurement, and stops with the program.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import NamedTuple
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import image, layer
from scripts.bench.peers import PEERS, Peer, Upstream
from scripts.bench.registries import NAME, RegistryAccess

MIB = 1024 * 1024
AT_ONCE = 3
"""Number of layers that a client fetches at the same time, as Docker does."""
CROWD = 50
SLOW = 24 * MIB
"""Bytes per second of each answer of the slow upstream."""
BIG = (8, 64 * MIB)
CROWDED = (4, 4 * MIB)
ONE_LARGE = (1, 192 * MIB)


class Pull(NamedTuple):
    """The result of a pull: seconds to the last layer's first byte, from its request; total seconds; the failure."""

    first_byte: float
    total: float
    error: str | None = None


# --- A client ---------------------------------------------------------------------------------------------------


def pull(access: RegistryAccess) -> Pull:
    """Pull an image as a container engine does, verifying every byte."""
    start = time.perf_counter()
    firsts: list[float] = []
    try:
        manifest = json.loads(fetch(access, "manifests/v1", None))
        blobs = [manifest["config"], *manifest["layers"]]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for first in threads.map(lambda blob: _first_byte(access, blob), blobs):
                firsts.append(first)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Pull(min(firsts, default=0.0), time.perf_counter() - start, f"{error}"[:60])
    return Pull(firsts[-1], time.perf_counter() - start)


def fetch(
    access: RegistryAccess, path: str, digest: str | None, on_bytes: Callable[[int], None] = lambda _: None
) -> bytes:
    """Return a manifest, or verify a blob. Raises the exceptions of ``http.client``, and ``ValueError``."""
    connection = http.client.HTTPConnection(urlsplit(access.url).netloc, timeout=120)
    try:
        headers = {"Accept": OCI_MANIFEST} | ({"Authorization": access.authorization} if access.authorization else {})
        connection.request("GET", f"/v2/{access.prefix}{NAME}/{path}", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{answer.status} for a {path.partition('/')[0][:-1]}")
        return _read(answer, digest, on_bytes)
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, digest: str | None, on_bytes: Callable[[int], None]) -> bytes:
    if digest is None:
        return answer.read()
    seen = hashlib.sha256()
    while chunk := answer.read1(MIB):
        on_bytes(len(chunk))
        seen.update(chunk)
    if answer.length:
        raise ValueError(f"cut off {answer.length // MIB} MiB before the end")
    if f"sha256:{seen.hexdigest()}" != digest:
        raise ValueError("a layer of other bytes")
    return b""


def _first_byte(access: RegistryAccess, blob: dict[str, str]) -> float:
    """Fetch a layer; return the seconds to its first byte."""
    start = time.perf_counter()
    first: float | None = None

    def on_bytes(_: int) -> None:
        nonlocal first
        first = first or _since(start)

    fetch(access, f"blobs/{blob['digest']}", blob["digest"], on_bytes)
    return first or _since(start)


def _since(start: float) -> float:
    return time.perf_counter() - start


# --- Measurements -----------------------------------------------------------------------------------------------


def cold_pulls(upstream: Upstream, rounds: int) -> Iterator[tuple[str, ...]]:
    """One client, 512 MiB in 8 layers, everybody once in every round; medians.

    The same client pulls from the upstream itself for comparison.
    """
    direct: list[float] = []
    cold: dict[str, list[float]] = defaultdict(list)
    warm: dict[str, list[float]] = defaultdict(list)
    asked: dict[str, str] = {}
    for _ in range(rounds):
        direct.append(pull(RegistryAccess(upstream.url)).total)
        for peer in installed_peers():
            with peer.empty(upstream) as access:
                upstream.mark()
                for times in (cold, warm):
                    pulled = pull(access)
                    times[peer.name].append(pulled.total)
                    assert pulled.error is None, pulled.error
            asked[peer.name] = as_text(counted(upstream))
    base = statistics.median(direct)
    yield "the upstream itself", f"{base:.2f} s", "1.00", "-", "-"
    for name, totals in cold.items():
        total = statistics.median(totals)
        yield name, f"{total:.2f} s", f"{total / base:.2f}", asked[name], f"{statistics.median(warm[name]):.2f} s"


def first_bytes(upstream: Upstream) -> Iterator[tuple[str, ...]]:
    """Measure one layer of 192 MiB from an upstream of 24 MiB/s: the time to the first byte and the total time."""
    yield _first_byte_row("the upstream itself", pull(RegistryAccess(upstream.url)))
    for peer in installed_peers():
        with peer.empty(upstream) as access:
            yield _first_byte_row(peer.name, pull(access))


def _first_byte_row(name: str, pulled: Pull) -> tuple[str, ...]:
    return name, f"{pulled.first_byte * 1000:.0f} ms", f"{pulled.total:.1f} s", pulled.error or "none"


def crowds(upstream: Upstream) -> Iterator[tuple[str, ...]]:
    """Measure 50 simultaneous clients of an empty cache."""
    for peer in installed_peers():
        with peer.empty(upstream) as access, ThreadPoolExecutor(CROWD) as threads:
            upstream.mark()
            pulls = list(threads.map(lambda _, access=access: pull(access), range(CROWD)))
        asked = upstream.asked()
        failed = Counter(each.error for each in pulls if each.error)
        most = max(Counter(path for method, path in asked if "/blobs/" in path and method == "GET").values())
        slowest = max(each.total for each in pulls)
        words = ", ".join(f"{count} times {error}" for error, count in failed.items()) or "none"
        yield peer.name, as_text(counted(upstream)), str(most), words, f"{slowest:.1f} s"


def killed_upstreams(upstream: Upstream) -> Iterator[tuple[str, ...]]:
    """Kill the upstream in the middle of a layer, and restart it a second later."""
    for peer in installed_peers():
        with peer.empty(upstream) as access, ThreadPoolExecutor(1) as threads:
            manifest = json.loads(fetch(access, "manifests/v1", None))
            digest = manifest["layers"][0]["digest"]
            halfway, seen = Event(), [0]

            def on_bytes(count: int, seen: list[int] = seen, halfway: Event = halfway) -> None:
                seen[0] += count
                if seen[0] > ONE_LARGE[1] // 3:
                    halfway.set()

            running = threads.submit(outcome, partial(fetch, access, f"blobs/{digest}", digest, on_bytes))
            assert halfway.wait(60), "nothing arrives"
            upstream.kill()
            time.sleep(1)
            upstream.restart()
            during = running.result()
            after = outcome(partial(fetch, access, f"blobs/{digest}", digest))
        yield peer.name, during, after


def outcome(work: Callable[[], object]) -> str:
    """Return the outcome for a client."""
    try:
        work()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{error}"[:70]
    return "every byte, verified"


# --- Tables -----------------------------------------------------------------------------------------------------


def installed_peers() -> list[type[Peer]]:
    """Return the peers that are installed."""
    return [peer for peer in PEERS if peer.is_installed()]


def counted(upstream: Upstream) -> Counter[str]:
    """Return the number of upstream requests by kind."""
    return Counter(f"{method} {'manifest' if '/manifests/' in path else 'blob'}" for method, path in upstream.asked())


def as_text(asked: Counter[str]) -> str:
    """Return counts as text for readers."""
    return ", ".join(f"{count} {what}" for what, count in sorted(asked.items()))


def table(title: str, heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> list[dict[str, str]]:
    """Print a table in Markdown, each row as soon as it is known; return the rows by head."""
    printed = []
    print(f"\n{title}\n\n| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
        printed.append(dict(zip(heads, row, strict=True)))
    return printed


def push(upstream: Upstream, count: int, size: int) -> None:
    """Replace the image of the upstream by one with a number of layers of noise."""
    upstream.push(image("bench", *(layer(f"{count} {number}", size) for number in range(count))))


def main() -> None:
    given = dict(enumerate(sys.argv))
    rounds = int(given.get(1, "3"))
    tables: dict[str, list[dict[str, str]]] = {}
    absent = [peer.name for peer in PEERS if not peer.is_installed()]
    if absent:
        print(f"Not installed, and left out: {', '.join(absent)}")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        fast, slow = Upstream(Path(name) / "fast"), Upstream(Path(name) / "slow", SLOW)
        heads: tuple[str, ...]
        try:
            push(fast, *BIG)
            heads = ("cold pull of 512 MiB in 8 layers", "total", "÷ upstream", "upstream requests", "warm pull")
            tables["One client"] = table("One client", heads, cold_pulls(fast, rounds))
            push(fast, *CROWDED)
            heads = ("cold pull of 4 layers of 4 MiB", "upstream requests", "GETs of one blob", "failures", "slowest")
            tables["50 clients at once"] = table("50 clients at once", heads, crowds(fast))
            push(slow, *ONE_LARGE)
            heads = ("one layer of 192 MiB, upstream 24 MiB/s", "first byte", "total", "failure")
            tables["First byte"] = table("First byte", heads, first_bytes(slow))
            heads = ("upstream killed after a third, back a second later", "the client that pulled", "the next client")
            tables["Upstream killed"] = table("Upstream killed", heads, killed_upstreams(slow))
        finally:
            fast.close()
            slow.close()
    if 2 in given:
        Path(given[2]).write_text(json.dumps(tables, indent=2))


if __name__ == "__main__":
    main()
