"""Warm pulls side by side: the emulator, a bare WSGI callable on its server, and other registries, in one run.

Needs wrk, docker-registry and nginx (Debian) and the package with its test extra; distribution 3, olareg, zot and angos
take part if they are on the path: ``python scripts/bench/warm.py [rounds] [seconds] [file.json]``. Prints tables in
Markdown and writes the figures as JSON. All registries hold the same image and run from beginning to end on loopback;
``wrk`` loads one at a time, in turns. A figure is the median of the rounds.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.testing.upstream.images import Content, UpstreamImage, image, layer
from scripts.bench.registries import NAME, REGISTRIES, TAG, Bare, Emulator, Nginx, RegistryAccess, push

MIB = 1024 * 1024
PUSHES = 20
"""Images that the other client pushes in a second."""
MANIFEST = f"manifests/{TAG}"
CALM = "manifest by tag, 16 connections"


class Work(NamedTuple):
    """A kind of load. ``budgets``: by peer, the least that the emulator must reach, as a multiple of the peer."""

    name: str
    path: str
    connections: int
    budgets: Mapping[str, float]
    peers: tuple[str, ...] | None = None
    """The registries that are loaded; None: all but nginx, which is no registry."""
    is_disturbed: bool = False


def works(small: Content, middle: Content, large: Content) -> list[Work]:
    manifests = {"bare": 0.8, "olareg": 1.5, "zot": 3.0, "distribution 2.8": 15.0}
    return [
        Work("manifest by tag, 1 connection", MANIFEST, 1, manifests),
        Work(CALM, MANIFEST, 16, manifests),
        Work(f"the same, {PUSHES} pushes a second", MANIFEST, 16, {CALM: 0.5}, (Emulator.name,), is_disturbed=True),
        Work("blob of 10 KiB, 16 connections", f"blobs/{small.digest}", 16, {"bare": 0.6, "olareg": 1.2}),
        Work(
            "blob of 1 MiB, 8 connections",
            f"blobs/{middle.digest}",
            8,
            {"bare": 0.9, "olareg": 0.75, "distribution 3": 2.0},
        ),
        Work(
            "blob of 64 MiB, 4 connections",
            f"blobs/{large.digest}",
            4,
            {"olareg": 1.0, "nginx": 1.0, "distribution 3": 1.0},
            tuple(each.name for each in REGISTRIES),
        ),
    ]


def load(access: RegistryAccess, work: Work, seconds: float) -> float:
    """Return the requests per second."""
    headers = ["-H", f"Accept: {OCI_MANIFEST}"]
    if access.authorization:
        headers += ["-H", f"Authorization: {access.authorization}"]
    threads = min(2, work.connections)
    command = ["wrk", f"-t{threads}", f"-c{work.connections}", f"-d{seconds}s", "--timeout", "30s", *headers]
    url = f"{access.url}/v2/{NAME}/{work.path}"
    out = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(f"{url} failed:\n{out}")
    (rate,) = re.findall(r"Requests/sec:\s+([\d.]+)", out)
    return float(rate)


@contextmanager
def pushes(access: RegistryAccess, numbers: Iterator[int]) -> Iterator[None]:
    """Push images with new tags into the same repository, at a steady rate, while the block runs."""
    is_over = threading.Event()

    def push_all() -> None:
        due = time.monotonic()
        while not is_over.wait(max(0.0, due - time.monotonic())):
            number = next(numbers)
            push(access, image(f"pushed {number}", layer(f"pushed {number}", 100)), f"pushed-{number}")
            due += 1 / PUSHES

    thread = threading.Thread(target=push_all)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


Rates = dict[str, dict[str, list[float]]]
"""Requests per second, by work and registry."""


def measure(running: Mapping[str, RegistryAccess], loads: list[Work], rounds: int, seconds: float) -> Rates:
    """Load every registry with every work, once in a round."""
    rates: Rates = defaultdict(lambda: defaultdict(list))
    numbers = count()
    for _ in range(rounds):
        for work in loads:
            for name, access in running.items():
                if not (name in work.peers if work.peers else name != Nginx.name):
                    continue
                with ExitStack() as stack:
                    if work.is_disturbed:
                        stack.enter_context(pushes(access, numbers))
                    rates[work.name][name].append(load(access, work, seconds))
    return rates


def table(rates: Rates, loads: list[Work], names: list[str]) -> str:
    """Return the medians as a table."""
    lines = [f"| requests a second | {' | '.join(names)} |", f"|{' --- |' * (len(names) + 1)}"]
    for work in loads:
        found = rates[work.name]
        cells = (f"{median(found[name]):,.0f}" if name in found else "-" for name in names)
        lines.append(f"| {work.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def verdicts(rates: Rates, loads: list[Work]) -> Iterator[tuple[str, str, float, float]]:
    """Yield work, peer, budget and the ratio of medians that was reached, for each peer that took part."""
    for work in loads:
        ours = median(rates[work.name][Emulator.name])
        for peer, budget in work.budgets.items():
            others = rates[peer][Emulator.name] if peer == CALM else rates[work.name].get(peer)
            if others:
                yield work.name, peer, budget, ours / median(others)


def main() -> None:
    given = dict(enumerate(sys.argv))
    rounds, seconds = int(given.get(1, "5")), int(given.get(2, "2"))
    if shutil.which("wrk") is None:
        sys.exit("This benchmark needs wrk: apt-get install wrk docker-registry nginx")
    absent = [each.name for each in REGISTRIES if not each.is_installed()]
    present = [each for each in REGISTRIES if each.is_installed()]
    contents = (layer("small", 10_240), layer("middle", MIB), layer("large", 64 * MIB))
    pulled: UpstreamImage = image("bench", *contents)
    loads = works(*contents)
    with ExitStack() as stack:
        running = {}
        for each in present:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            folder.chmod(0o755)
            running[each.name] = stack.enter_context(each.serving(folder, pulled))
        rates = measure(running, loads, rounds, seconds)
    versions = {each.name: each.version() for each in present}
    print(f"Versions: {', '.join(f'{name} {number}' for name, number in versions.items() if name != Bare.name)}.")
    print(f"Missing: {', '.join(absent) or 'none'}.\n\n{table(rates, loads, list(running))}\n")
    print("| work | against | budget | reached | |\n| --- | --- | --- | --- | --- |")
    found = list(verdicts(rates, loads))
    for name, peer, budget, ratio in found:
        print(f"| {name} | {peer} | ≥ {budget:g} | {ratio:.2f} | {'met' if ratio >= budget else 'missed'} |")
    if 3 in given:
        figures = {"versions": versions, "missing": absent, "rates": rates, "ratios": found}
        Path(given[3]).write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
