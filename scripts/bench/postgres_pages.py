"""The cost of PostgreSQL instead of SQLite: the same requests at 1,000 and at many images in one repository.

Needs PostgreSQL (Debian) and the package with its test extra: ``python scripts/bench/postgres_pages.py [images]
[rounds] [file.json]``. A database in SQLite is filled as in ``scale.py``; a copy of it is moved to PostgreSQL as
``migrate`` does. The four emulators listen on loopback, and stop at the end. A figure is the median of the rounds, in
which they take turns; the first round is not counted. PostgreSQL syncs its commits.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.storage.moves import move_to_postgres
from scripts.bench.api import Server, push_config
from scripts.bench.scale import FEW, NAME, TIMES, Filled, fill, lap, requests_of
from scripts.bench.signed_requests import Connection, signed
from tests.support.postgres import PostgresServer, find_programs, running_postgres
from tests.support.processes import serving

REPOSITORIES = {True: 10_000, False: 100}
"""Number of repositories beside many images, and beside few."""
KINDS = "SQLite", "PostgreSQL"


class Cost(NamedTuple):
    """Microseconds of a request: wall time, and processor time of the emulator and of PostgreSQL."""

    wall: float
    processor: float
    database: float


Costs = dict[str, dict[tuple[str, int], Cost]]
"""Costs by request, and by kind of database and number of images."""


def started(stack: ExitStack, folder: Path, images: int, *arguments: str) -> Filled:
    """Start an emulator on ``folder/state``."""
    served = stack.enter_context(
        serving(folder, "--port", "0", "--log-level", "error", "--data-dir", "state", *arguments)
    )
    server = Server(str(folder), served.process.pid, served.port, Connection(served.port))
    answer = server.connection.call(signed(served.port, "GetAuthorizationToken"))
    push_config(server, NAME)
    return Filled(server, requests_of(served.port, answer["authorizationData"][0]["authorizationToken"], images))


def database_seconds(server: PostgresServer) -> float:
    """Return the processor time of the server's processes, as long as none of them ends."""
    statistics = (Path(f"/proc/{process}/schedstat").read_text(encoding="ascii") for process in server.processes())
    return sum(int(each.split()[0]) for each in statistics) / 1e9


def measure(running: dict[tuple[str, int], Filled], server: PostgresServer, rounds: int) -> Costs:
    """Return the medians of the rounds but the first."""
    names = list(next(iter(running.values())).requests)
    laps: dict[str, dict[tuple[str, int], list[Cost]]] = {name: {key: [] for key in running} for name in names}
    numbers = {key: count() for key in running}
    for _ in range(rounds + 1):
        for name, by in laps.items():
            for key, filled in running.items():
                database = database_seconds(server)
                cost = lap(filled, name, numbers[key])
                by[key].append(Cost(*cost, (database_seconds(server) - database) / TIMES * 1e6))
    return {
        name: {key: Cost(*map(median, zip(*each[1:], strict=True))) for key, each in by.items()}
        for name, by in laps.items()
    }


def main() -> None:
    given = [int(text) for text in sys.argv[1:3]]
    images, rounds = given + [1_000_000, 5][len(given) :]
    programs = find_programs()
    if programs is None:
        sys.exit("This benchmark needs PostgreSQL: apt-get install postgresql")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running_postgres(programs, " -c fsync=on"))
        lend = stack.enter_context(server.databases())
        running: dict[tuple[str, int], Filled] = {}
        for number in (FEW, images):
            sqlite, postgres, uri = folder / f"sqlite-{number}", folder / f"postgres-{number}", lend()
            (sqlite / "state").mkdir(parents=True)
            fill(sqlite / "state", number, REPOSITORIES[number > FEW])
            shutil.copytree(sqlite, postgres)
            began = time.perf_counter()
            move_to_postgres(postgres / "state", uri)
            print(f"{number:,} images moved to PostgreSQL in {time.perf_counter() - began:.1f} s", flush=True)
            os.sync()  # otherwise the commits that are measured wait for what was filled
            running[KINDS[0], number] = started(stack, sqlite, number)
            running[KINDS[1], number] = started(stack, postgres, number, "--database", uri)
        costs = measure(running, server, rounds)
    print_table(costs, images)
    if len(sys.argv) > 3:
        figures = {name: {f"{kind} {number}": cost._asdict() for (kind, number), cost in by.items()}
                   for name, by in costs.items()}  # fmt: skip
        Path(sys.argv[3]).write_text(json.dumps({"rounds": rounds, "images": images, "figures": figures}, indent=1))


def print_table(costs: Costs, images: int) -> None:
    """Print microseconds and ratios. The processor time is that of the emulator and, after the plus, of PostgreSQL."""
    sizes = f"{FEW:,} images, µs | {images:,}"
    print(f"\n| request | SQLite, {sizes} | processor | PostgreSQL, {sizes} | processor | many to few | processor |")
    print(f"|{' --- |' * 9}")
    for name, by in costs.items():
        few, many = by[KINDS[1], FEW], by[KINDS[1], images]
        cells = [cell for kind in KINDS for cell in cells_of(by[kind, FEW], by[kind, images])]
        busy = (many.processor + many.database) / (few.processor + few.database)
        print(f"| {name} | {' | '.join(cells)} | {many.wall / few.wall:.1f} | {busy:.1f} |")


def cells_of(few: Cost, many: Cost) -> list[str]:
    """Return the cells of one kind of database; its processor time is that at many images."""
    return [f"{few.wall:,.0f}", f"{many.wall:,.0f}", f"{many.processor:,.0f} + {many.database:,.0f}"]


if __name__ == "__main__":
    main()
