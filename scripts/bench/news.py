"""The cost of the news of other nodes: remembered manifests from emulators that may have others, and that have none.

Needs wrk and PostgreSQL (Debian) and the package with its test extra: ``python scripts/bench/news.py [rounds]
[seconds]``. Prints a table in Markdown. ``wrk`` loads one emulator at a time, in turns; a figure is the median of the
rounds. docs/decisions/0041-news-of-other-nodes.md
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import boto3

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.images import image, layer
from scripts.bench.registries import NAME, TAG, RegistryAccess, push
from scripts.bench.warm import MANIFEST, Work, load
from tests.support.nodes import node_processes
from tests.support.postgres import find_programs, running_postgres
from tests.support.processes import serving

CONNECTIONS = (1, 4, 16, 64)
ALONE = ("--host", "127.0.0.1", "--port", "0", "--registry-auth", "open", "--log-level", "warning")
NODE = ("--registry-auth", "open", "--log-level", "warning", "--account", "000000000000")


def main(arguments: list[str]) -> None:
    rounds, seconds = int((arguments or ["5"])[0]), int((arguments[1:] or ["3"])[0])
    programs = find_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lend = stack.enter_context(stack.enter_context(running_postgres(programs)).databases())
        emulators = {}
        for name, database in (("SQLite", ()), ("PostgreSQL, alone", ("--database", lend()))):
            (folder / name).mkdir()
            options = (*ALONE, "--data-dir", "state", *database)
            emulators[name] = stack.enter_context(serving(folder / name, *options))
        emulators["PostgreSQL, with other nodes"] = stack.enter_context(node_processes(lend(), folder, *NODE)).start()
        accesses = {name: RegistryAccess(served.url) for name, served in emulators.items()}
        for access in accesses.values():
            keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
            ecr = boto3.client("ecr", endpoint_url=access.url, region_name="us-east-1", **keys)
            ecr.create_repository(repositoryName=NAME)
            push(access, image("news", layer("news", 100)), TAG)
        rates = defaultdict(list)
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, access in accesses.items():
                    rates[connections, name].append(load(access, Work("", MANIFEST, connections, {}), seconds))
    print(f"| connections | {' | '.join(accesses)} |", f"|{' --- |' * (len(accesses) + 1)}", sep="\n")
    for connections in CONNECTIONS:
        print(f"| {connections} | {' | '.join(f'{median(rates[connections, name]):,.0f}' for name in accesses)} |")


if __name__ == "__main__":
    main(sys.argv[1:])
