"""The cost of the promise that a push makes: small images, in turns with promised commits synced and with none synced.

Needs the package with its test extra: ``python scripts/bench/durability.py [folder] [rounds]``. The folder says which
disk is measured. Prints the medians of both and their ratio.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.storage.store import SqlStore
from tests.support.docker import Docker
from tests.support.images import an_image

PUSHES = 20


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        Emulator(Settings(data_dir=Path(name) / "state")) as emulator,
    ):
        times = measure(emulator, rounds)
    synced, unsynced = (statistics.median(times[is_synced]) for is_synced in (True, False))
    print(f"a push of three blobs and a manifest, median of {rounds} rounds of {PUSHES}")
    print(f"promised commits synced: {synced * 1000:.2f} ms")
    print(f"no commit synced:        {unsynced * 1000:.2f} ms")
    print(f"ratio:                   {synced / unsynced:.2f}")


def measure(emulator: Emulator, rounds: int) -> dict[bool, list[float]]:
    """Return the seconds of one push, with and without synced commits. Blobs are synced in both cases."""
    client = Docker(emulator)
    client.ecr.create_repository(repositoryName="team/app")
    times: dict[bool, list[float]] = {True: [], False: []}
    number = 0
    for _ in range(rounds):
        for is_synced in (True, False):
            sync(emulator, is_synced)
            images = [an_image(number + each) for each in range(PUSHES)]
            number += PUSHES
            began = time.perf_counter()
            for image in images:
                client.push(image)
            times[is_synced].append((time.perf_counter() - began) / PUSHES)
    return times


def sync(emulator: Emulator, is_synced: bool) -> None:
    """Make the writing unit sync its commits, or leave the sync to SQLite's checkpoints."""
    store = emulator._store
    assert isinstance(store, SqlStore)
    store._connection.is_durable = is_synced


if __name__ == "__main__":
    main()
