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

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.storage.moves import move_to_postgres
from scripts.bench.api import Cost, Server, push_config
from scripts.bench.scale import FEW, NAME, Filled, fill, lap, requests_of
from scripts.bench.signed_requests import Connection, signed
from tests.support.postgres import find_programs, running_postgres
from tests.support.processes import serving

REPOSITORIES = {True: 10_000, False: 100}
"""Number of repositories beside many images, and beside few."""
KINDS = "SQLite", "PostgreSQL"

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


def measure(running: dict[tuple[str, int], Filled], rounds: int) -> Costs:
    """Return the medians of the rounds but the first."""
    names = list(next(iter(running.values())).requests)
    laps: dict[str, dict[tuple[str, int], list[Cost]]] = {name: {key: [] for key in running} for name in names}
    numbers = {key: count() for key in running}
    for _ in range(rounds + 1):
        for name, by in laps.items():
            for key, filled in running.items():
                by[key].append(lap(filled, name, numbers[key]))
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
        costs = measure(running, rounds)
    print_table(costs, images)
    if len(sys.argv) > 3:
        figures = {name: {f"{kind} {number}": cost._asdict() for (kind, number), cost in by.items()}
                   for name, by in costs.items()}  # fmt: skip
        Path(sys.argv[3]).write_text(json.dumps({"rounds": rounds, "images": images, "figures": figures}, indent=1))


def print_table(costs: Costs, images: int) -> None:
    """Print wall times in microseconds, and ratios. "processor" is the emulator's time, without PostgreSQL's."""
    columns = " | ".join(f"{kind}, {FEW:,} images, µs | {images:,}" for kind in KINDS)
    print(f"\n| request | {columns} | PostgreSQL to SQLite | processor | many to few in PostgreSQL | processor |")
    print(f"|{' --- |' * 9}")
    for name, by in costs.items():
        walls = [by[kind, number].wall for kind in KINDS for number in (FEW, images)]
        processor = [by[kind, number].processor for kind in KINDS for number in (FEW, images)]
        ratios = (each[3] / each[at] for at in (1, 2) for each in (walls, processor))
        print(f"| {name} | {' | '.join([*(f'{wall:,.0f}' for wall in walls), *(f'{each:.1f}' for each in ratios)])} |")


if __name__ == "__main__":
    main()
