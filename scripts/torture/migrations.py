"""Kill ``ecr-emulator migrate`` at random moments, and check each time that it goes on and loses nothing.

``python scripts/torture/migrations.py [--rounds 10] [--seed 1]``. In a round, clients fill a data directory. Its
metadata move to PostgreSQL and back, each time by a command that is killed a few times until it is allowed to finish.
Then an emulator starts with the result, and everything is checked, as in ``kills.py``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Timer
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture.checks import Check
from scripts.torture.clients import Client
from scripts.torture.emulators import Emulator, NotReady, Process
from scripts.torture.flavours import ARGUMENTS, KEPT, left_over_files
from scripts.torture.forks import Forks
from scripts.torture.images import Images
from scripts.torture.nodes import running_database
from scripts.torture.rounds import FOCUSES
from scripts.torture.workers import Worker
from scripts.torture.world import World, chance_of

CLIENTS = 3
FILLED_FOR = 1.0
"""Seconds for which clients fill the data directory in each round."""
KILLS = 5
"""Maximum number of kills of one move."""
LONGEST = 0.8
"""Seconds from the start of a move to its kill, at most."""
MOVED = {"ecr.sqlite.moved", "ecr.database"}


class Migrations:
    """A data directory whose metadata move to and fro. ``lend`` returns the URI of an empty database."""

    def __init__(self, forks: Forks, folder: Path, world: World, lend: Callable[[], str]) -> None:
        self._forks = forks
        self._folder = folder
        self._world = world
        self._lend = lend
        self._arguments = [*ARGUMENTS, "--upstream-map", f"quay.io={world.upstream.url}"]
        self._move = Process(forks, folder / "moves")
        self.state = folder / "state"
        self.wrong: list[str] = []

    @property
    def kills(self) -> int:
        """The number of killed moves."""
        return self._move.kills

    def prepare(self) -> None:
        """Make a state with repositories, and a rule."""
        emulator = self._start([])
        with closing(self._client(emulator)) as client:
            self._world.prepare(client)
        emulator.kill()

    def play(self, chance: random.Random) -> None:
        """Play a round; ``wrong`` gets what is wrong."""
        self._fill(chance)
        uri = self._lend()
        for options in ([], ["--to-sqlite"]):
            self._migrate(["--database", uri, *options], chance)
            self._check([] if options else ["--database", uri])

    def _migrate(self, options: list[str], chance: random.Random) -> None:
        """Move the metadata. Kill the command some times, or as often as it takes until it has finished."""
        command = ["migrate", "--data-dir", str(self.state), *options]
        for _ in range(chance.randint(1, KILLS)):
            self._move.start(command)
            if self._move.ends_within(chance.uniform(0, LONGEST)):
                return
            self._move.kill()
        self._move.start(command)
        if not self._move.ends_within(60):
            raise NotReady("a move does not end")

    def _fill(self, chance: random.Random) -> None:
        over = Event()
        emulator = self._start([])
        clients = [self._client(emulator) for _ in range(CLIENTS)]
        workers = [
            Worker(number, self._world, client, random.Random(chance.random())) for number, client in enumerate(clients)
        ]
        Timer(FILLED_FOR, over.set).start()
        with ThreadPoolExecutor(CLIENTS) as pool:
            for wrong in pool.map(lambda worker: worker.run(FOCUSES["everything"], over), workers):
                self.wrong += wrong
        for client in clients:
            client.close()
        emulator.kill()

    def _check(self, options: list[str]) -> None:
        emulator = self._start(options)
        with closing(self._client(emulator)) as client:
            check = Check(self._world, client, random.Random(0))
            self.wrong += check.run(resumes=False, advances=False)
        emulator.kill()
        needed = check.needed | self._world.cached_blobs()
        self.wrong += [f"left over: {each}" for each in left_over_files(self.state, needed, KEPT | MOVED)]
        self.wrong += [each.what for each in self._world.failures]

    def _start(self, options: list[str]) -> Emulator:
        emulator = Emulator(self._forks, self._folder, [*self._arguments, *options])
        emulator.spawn()
        emulator.wait_until_ready()
        return emulator

    def _client(self, emulator: Emulator) -> Client:
        return Client(lambda: emulator.port, self._world.failures)


def main(arguments: list[str]) -> int:
    """Play rounds, print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description="Kill migrations at random moments, and check what arrived.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    began = monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        forks = stack.enter_context(closing(Forks(folder)))
        upstream = stack.enter_context(ScriptedUpstream())
        _, lend = stack.enter_context(running_database())
        migrations = Migrations(forks, folder, World(options.seed, upstream, Images(options.seed)), lend)
        try:
            migrations.prepare()
            for number in range(options.rounds):
                if not migrations.wrong:
                    migrations.play(chance_of(options.seed, number))
        except NotReady as failure:
            migrations.wrong.append(str(failure))
        print(f"{migrations.kills} kills of {2 * options.rounds} moves in {monotonic() - began:.0f} s")
        for wrong in migrations.wrong:
            print(wrong)
        if migrations.wrong:
            print((folder / "moves").read_text())
    print("something is wrong" if migrations.wrong else "nothing is wrong")
    return 1 if migrations.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
