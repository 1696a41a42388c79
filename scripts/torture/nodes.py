"""The flavour of several nodes: emulators on one database in PostgreSQL and one folder of blobs, each behind fronts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

from scripts.torture.clients import Failure
from scripts.torture.emulators import Emulator, NotReady
from scripts.torture.flavours import ARGUMENTS, KEPT, Log, left_over_files
from scripts.torture.forks import Forks
from scripts.torture.fronts import Front, to_unix_socket
from tests.support.postgres import PostgresServer, find_programs, running_postgres

LONGEST = 1.5
"""Seconds from the start of the clients to the first fault, at most."""
SHORT, LONG = 0.1, 1.5
"""Seconds that a fault of a network lasts."""


class Nodes:
    """Nodes behind fronts to the database. Each round kills at least one of them, at the end or in the middle."""

    def __init__(
        self, forks: Forks, folder: Path, upstream: str, number: int, server: PostgresServer, uri: str
    ) -> None:
        self._server = server
        self._blobs = folder / "blobs"
        self._blobs.mkdir()
        self._fronts = [Front(to_unix_socket(f"{server.folder}/.s.PGSQL.5432")) for _ in range(number)]
        self._nodes = []
        shared = [*ARGUMENTS, "--upstream-map", f"quay.io={upstream}", "--blobs", str(self._blobs)]
        for index, front in enumerate(self._fronts):
            own = folder / f"node{index}"
            own.mkdir()
            database = uri.replace(f"host={server.folder}", f"host=127.0.0.1&port={front.port}")
            self._nodes.append(Emulator(forks, own, [*shared, "--database", database]))
        self._logs = [Log(node.log) for node in self._nodes]
        self._killed: set[Emulator] = set(self._nodes)
        self._has_faults = False

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

    def ports(self, chance: random.Random) -> Callable[[], int]:
        return lambda: chance.choice(self._nodes).port

    def disturb(self, chance: random.Random, faults: Counter[str]) -> None:
        self._has_faults = False
        sleep(chance.uniform(0, LONGEST))
        name = chance.choice(["kill", "kill", "kill all", "kill twice", "restart", "pause", "cut", "slow"])
        faults[name] += 1
        breaks: dict[str, Callable[[random.Random], None]] = {
            "kill all": self._kill_all,
            "kill twice": self._kill_and_start,
            "restart": self._restart_database,
            "pause": lambda chance: self._break(chance, Front.pause),
            "cut": lambda chance: self._break(chance, Front.cut),
            "slow": lambda chance: self._break(chance, Front.slow_down),
        }
        if name in breaks:
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
        found = list(left_over_files(self._blobs, needed, {"ecr.database"}))
        for node in self._nodes:
            found += left_over_files(node.state, (), KEPT | {"ecr.database"})
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
        self._has_faults = True
        self._server.stop(chance.choice(("immediate", "fast")))
        sleep(chance.uniform(0, SHORT))
        self._server.start()

    def _break(self, chance: random.Random, fault: Callable[[Front], None]) -> None:
        self._has_faults = True
        for front in chance.sample(self._fronts, chance.randint(1, len(self._fronts))):
            fault(front)
        sleep(chance.uniform(SHORT, LONG))
        self._heal()

    def _heal(self) -> None:
        for front in self._fronts:
            front.heal()


@contextmanager
def database() -> Iterator[tuple[PostgresServer, Callable[[], str]]]:
    """Run a PostgreSQL, and yield it with a function that returns the URI of an empty database."""
    programs = find_programs()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed")
    with running_postgres(programs) as server, server.databases() as lend:
        yield server, lend
