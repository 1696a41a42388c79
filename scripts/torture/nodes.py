"""The flavour of several nodes: emulators on one database in PostgreSQL with the same blobs, each behind fronts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import NamedTuple

from scripts.torture.clients import Failure
from scripts.torture.emulators import Emulator, NotReady
from scripts.torture.flavours import ARGUMENTS, KEPT, Log, left_over_files
from scripts.torture.forks import Forks
from scripts.torture.fronts import Front, to_unix_socket
from scripts.torture.missing import end_without
from scripts.torture.shared_blobs import LONG, OWNER, SHORT, SharedBlobs
from tests.support.postgres import PostgresServer, find_programs, running_postgres

LONGEST = 1.5
"""Seconds from the start of the clients to the first fault, at most."""


class Database(NamedTuple):
    """An empty database, and the server that has it."""

    server: PostgresServer
    uri: str


class Nodes:
    """Nodes behind fronts to the database. Each round kills at least one of them, at the end or in the middle.

    No fault comes again before all others have come.
    """

    def __init__(
        self, forks: Forks, folder: Path, upstream: str, blobs: SharedBlobs, database: Database, number: int
    ) -> None:
        self._server = database.server
        self._blobs = blobs
        self._fronts = [Front(to_unix_socket(f"{self._server.folder}/.s.PGSQL.5432")) for _ in range(number)]
        self._nodes = []
        shared = [*ARGUMENTS, "--upstream-map", f"quay.io={upstream}"]
        for index, front in enumerate(self._fronts):
            own = folder / f"node{index}"
            own.mkdir()
            uri = database.uri.replace(f"host={self._server.folder}", f"host=127.0.0.1&port={front.port}")
            self._nodes.append(Emulator(forks, own, [*shared, "--database", uri, "--blobs", blobs.place(index)]))
        self._logs = [Log(node.log) for node in self._nodes]
        self._killed: set[Emulator] = set(self._nodes)
        self._has_faults = False
        self.keeps_uploads = True
        self._next_faults: list[str] = []

    @property
    def kills(self) -> int:
        return sum(node.kills for node in self._nodes)

    def start(self) -> None:
        died = [node.log.read_text()[-2000:] for node in self._nodes if node not in self._killed and not node.runs()]
        if died:
            raise NotReady(f"a node has ended by itself: {died[0]}")
        self._heal()
        started = [node for node in self._nodes if node in self._killed]
        for node in started:
            node.spawn()
        for node in started:
            node.wait_until_ready()
        self._killed.clear()

    def ports(self) -> list[int]:
        return [node.port for node in self._nodes]

    def disturb(self, chance: random.Random, faults: Counter[str]) -> None:
        sleep(chance.uniform(0, LONGEST))
        breaks: dict[str, Callable[[random.Random], None]] = {
            "kill": lambda _: None,
            "kill all": self._kill_all,
            "kill twice": self._kill_and_start,
            "restart": self._restart_database,
            "pause": lambda chance: self._break(chance, Front.pause),
            "cut": lambda chance: self._break(chance, Front.cut),
            "slow": lambda chance: self._break(chance, Front.slow_down),
            **self._blobs.faults,
        }
        if not self._next_faults:
            self._next_faults = chance.sample(list(breaks), len(breaks))
        name = self._next_faults.pop()
        faults[name] += 1
        self._has_faults = not name.startswith("kill")
        self.keeps_uploads = True
        breaks[name](chance)
        self._kill(chance.choice(self._nodes))

    def kill_while_it_starts(self, after: float) -> None:
        (node, *_) = self._killed
        node.spawn()
        sleep(after)
        node.kill()

    def unexpected(self, failures: Collection[Failure]) -> list[str]:
        return [each.what for each in failures if each.hangs or not self._has_faults]

    def left_over(self, needed: Collection[str]) -> list[str]:
        found = list(self._blobs.left_over(needed))
        for node in self._nodes:
            found += left_over_files(node.state, (), KEPT | {OWNER})
        return found

    def tracebacks(self) -> list[str]:
        return [each for log in self._logs for each in log.faults()]

    def close(self) -> None:
        """Close the fronts."""
        for front in self._fronts:
            front.close()

    def _kill(self, node: Emulator) -> None:
        node.kill()
        self._killed.add(node)

    def _kill_all(self, _: random.Random) -> None:
        for node in self._nodes:
            self._kill(node)

    def _kill_and_start(self, chance: random.Random) -> None:
        """Kill a node, and start it again while clients work with the others."""
        node = chance.choice(self._nodes)
        self._kill(node)
        node.spawn()
        node.wait_until_ready()
        self._killed.discard(node)

    def _restart_database(self, chance: random.Random) -> None:
        self.keeps_uploads = chance.choice((True, False))
        if self.keeps_uploads:
            self._server.stop()
        else:
            self._server.crash()
        sleep(chance.uniform(0, SHORT))
        self._server.start()

    def _break(self, chance: random.Random, fault: Callable[[Front], None]) -> None:
        for front in chance.sample(self._fronts, chance.randint(1, len(self._fronts))):
            fault(front)
        sleep(chance.uniform(SHORT, LONG))
        self._heal()

    def _heal(self) -> None:
        for front in self._fronts:
            front.heal()


@contextmanager
def running_database() -> Iterator[tuple[PostgresServer, Callable[[], str]]]:
    """Run a PostgreSQL, and yield it with a function that returns the URI of an empty database."""
    programs = find_programs()
    if programs is None:
        end_without("PostgreSQL")
    with running_postgres(programs) as server, server.databases() as lend:
        yield server, lend
