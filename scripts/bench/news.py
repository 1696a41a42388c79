"""The cost of the news of other nodes: remembered manifests from emulators that may have others, and that have none.

Needs wrk and PostgreSQL (Debian) and the package with its test extra: ``python scripts/bench/news.py [rounds]
[seconds]``. Prints a table in Markdown: requests per second, and the microseconds of processor time that a request
costs the emulator and PostgreSQL, which depend less on what else the machine does. ``wrk`` loads one emulator at a
time, in turns; a figure is the median of the rounds. docs/decisions/0041-news-of-other-nodes.md
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

import boto3

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.images import image, layer
from scripts.bench.registries import NAME, TAG, RegistryAccess, push
from scripts.bench.warm import MANIFEST, Work, load
from tests.support.nodes import node_processes
from tests.support.postgres import find_programs, running_postgres
from tests.support.processes import Served, serving

CONNECTIONS = (1, 4, 16, 64)
ALONE = ("--host", "127.0.0.1", "--port", "0", "--registry-auth", "open", "--log-level", "warning")
NODE = ("--registry-auth", "open", "--log-level", "warning", "--account", "000000000000")


class Figures(NamedTuple):
    """Requests per second, and microseconds of processor time per request of the emulator and of PostgreSQL."""

    rate: float
    emulator: float
    database: float


def main(arguments: list[str]) -> None:
    rounds, seconds = int((arguments or ["5"])[0]), int((arguments[1:] or ["3"])[0])
    programs = find_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(programs))
        lend = stack.enter_context(server.databases())
        emulators = {}
        for name, database in (("SQLite", ()), ("PostgreSQL, alone", ("--database", lend()))):
            (folder / name).mkdir()
            options = (*ALONE, "--data-dir", "state", *database)
            emulators[name] = stack.enter_context(serving(folder / name, *options))
        emulators["PostgreSQL, with other nodes"] = stack.enter_context(node_processes(lend(), folder, *NODE)).start()
        for served in emulators.values():
            access = RegistryAccess(served.url)
            keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
            ecr = boto3.client("ecr", endpoint_url=access.url, region_name="us-east-1", **keys)
            ecr.create_repository(repositoryName=NAME)
            push(access, image("news", layer("news", 100)), TAG)
        postmaster = int(Path(server.data, "postmaster.pid").read_text().split()[0])
        figures: dict[tuple[int, str], list[Figures]] = defaultdict(list)
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, served in emulators.items():
                    work = Work("", MANIFEST, connections, {})
                    figures[connections, name].append(measured(served, postmaster, work, seconds))
    print(f"| connections | {' | '.join(emulators)} |", f"|{' --- |' * (len(emulators) + 1)}", sep="\n")
    for connections in CONNECTIONS:
        cells = (cell(figures[connections, name]) for name in emulators)
        print(f"| {connections} | {' | '.join(cells)} |")


def measured(served: Served, postmaster: int, work: Work, seconds: int) -> Figures:
    """Load an emulator, and return what came of it."""
    before = processor_time(served.process.pid), database_time(postmaster)
    rate = load(RegistryAccess(served.url), work, seconds)
    after = processor_time(served.process.pid), database_time(postmaster)
    emulator, database = ((end - begin) / (rate * seconds) * 1e6 for begin, end in zip(before, after, strict=True))
    return Figures(rate, emulator, database)


def cell(rounds: list[Figures]) -> str:
    """Return the medians of the rounds."""
    rate, emulator, database = (median(each) for each in zip(*rounds, strict=True))
    return f"{rate:,.0f} ({emulator:.0f} + {database:.0f} µs)"


def database_time(postmaster: int) -> float:
    """Return the seconds of processor time of PostgreSQL's processes, as long as none of them ends."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    return sum(processor_time(int(child)) for child in children)


def processor_time(process: int) -> float:
    """Return the seconds of processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(sys.argv[1:])
