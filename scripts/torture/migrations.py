"""Kill ``ecr-emulator migrate`` at random moments, and check each time that it goes on and loses nothing.

``python scripts/torture/migrations.py [--rounds 10] [--seed 1]``. In a round, clients fill a data directory. Its
metadata move to PostgreSQL, then its layers to S3, and both move back; in every other round, only the layers move. Each
move is a command that is killed a few times until it is allowed to finish, and S3 may be killed meanwhile. Then an
emulator starts with the result, and everything is checked, as in ``kills.py``.
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
from time import monotonic, sleep

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture.checks import Check
from scripts.torture.clients import Client
from scripts.torture.emulators import Emulator, NotReady, Process
from scripts.torture.flavours import ARGUMENTS, KEPT, Log, left_over_files
from scripts.torture.forks import Forks
from scripts.torture.images import Images
from scripts.torture.nodes import running_database
from scripts.torture.rounds import FOCUSES
from scripts.torture.shared_blobs import CREDENTIALS, Bucket, gateway
from scripts.torture.verdicts import status_of
from scripts.torture.workers import Worker
from scripts.torture.world import World, chance_of
from tests.support.s3 import Gateway

CLIENTS = 3
FILLED_FOR = 1.0
"""Seconds for which clients fill the data directory in each round."""
KILLS = 5
"""Maximum number of kills of one move."""
LONGEST = 0.8
"""Seconds from the start of a move to its kill, at most."""
MOVED = {"ecr.sqlite.moved", "ecr.database", "ecr.blobs"}
S3_RESTARTS = 0.3
"""Share of the attempts to move layers during which S3 is killed, or stopped, and started again."""


class Migrations:
    """A data directory whose metadata and layers move to and fro. ``lend`` returns the URI of an empty database."""

    def __init__(self, forks: Forks, folder: Path, world: World, lend: Callable[[], str], s3: Gateway) -> None:
        self._forks = forks
        self._folder = folder
        self._world = world
        self._lend = lend
        self._s3 = s3
        self._arguments = [*ARGUMENTS, "--upstream-map", f"quay.io={world.upstream.url}"]
        self._move = Process(forks, folder / "moves")
        self._log = Log(self._move.log)
        self.state = folder / "state"
        self.moves = 0
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

    def play(self, number: int, chance: random.Random) -> None:
        """Play a round; ``wrong`` gets what is wrong."""
        self._fill([], chance)
        database = [] if number % 2 else ["--database", self._lend()]
        if database:
            self._migrate(database, chance)
            self._check(database)
        with closing(Bucket(self._s3, nodes=1)) as bucket:
            layers = ["--blobs", bucket.place(0)]
            self._migrate([*database, *layers], chance, bucket)
            self._check([*database, *layers], bucket)
            self._fill([*database, *layers], chance)
            self._migrate([*database, *layers, "--to-data-dir"], chance, bucket)
        self._check(database)
        if database:
            self._migrate([*database, "--to-sqlite"], chance)
            self._check([])

    def _migrate(self, options: list[str], chance: random.Random, bucket: Bucket | None = None) -> None:
        """Move something. Kill the command some times; it may finish before."""
        command = ["migrate", "--data-dir", str(self.state), *options]
        self.moves += 1
        for _ in range(chance.randint(1, KILLS)):
            self._move.start(command)
            if bucket and chance.random() < S3_RESTARTS:
                sleep(chance.uniform(0, LONGEST))
                bucket.restart(chance)
            if self._move.ends_within(chance.uniform(0, LONGEST)):
                break
            self._move.kill()
        self._move.start(command)  # S3 may have ended it; a move that is complete changes nothing
        if not self._move.ends_within(60):
            raise NotReady("a move does not end")

    def _fill(self, options: list[str], chance: random.Random) -> None:
        over = Event()
        emulator = self._start(options)
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

    def _check(self, options: list[str], bucket: Bucket | None = None) -> None:
        """Check everything. The layers are in the bucket, or in the data directory without one."""
        emulator = self._start(options)
        with closing(self._client(emulator)) as client:
            check = Check(self._world, client, random.Random(0))
            self.wrong += check.run(resumes=False, advances=False)
        emulator.kill()
        needed = check.needed | self._world.cached_blobs()
        left_over = list(left_over_files(self.state, () if bucket else needed, KEPT | MOVED))
        if bucket:
            left_over += bucket.left_over(needed)
        self.wrong += [f"left over: {each}" for each in left_over]
        self.wrong += [each.what for each in self._world.failures] + self._log.faults()

    def _start(self, options: list[str]) -> Emulator:
        emulator = Emulator(self._forks, self._folder, [*self._arguments, *options])
        emulator.spawn()
        emulator.wait_until_ready()
        return emulator

    def _client(self, emulator: Emulator) -> Client:
        return Client(lambda: [emulator.port], self._world.failures)


def main(arguments: list[str]) -> int:
    """Play rounds, print the figures, and return the exit status."""
    parser = argparse.ArgumentParser(description="Kill migrations at random moments, and check what arrived.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args(arguments)
    began = monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        forks = stack.enter_context(closing(Forks(folder, CREDENTIALS)))
        upstream = stack.enter_context(ScriptedUpstream())
        _, lend = stack.enter_context(running_database())
        world = World(options.seed, upstream, Images(options.seed))
        migrations = Migrations(forks, folder, world, lend, stack.enter_context(gateway()))
        try:
            migrations.prepare()
            for number in range(options.rounds):
                if not migrations.wrong:
                    migrations.play(number, chance_of(options.seed, number))
        except NotReady as failure:
            migrations.wrong.append(str(failure))
        print(f"{migrations.kills} kills of {migrations.moves} moves in {monotonic() - began:.0f} s")
        if migrations.wrong:
            print((folder / "moves").read_text())
    return status_of(migrations.wrong, world.histories.undecided)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
