"""Kill emulators at random moments again and again, and check each time that nothing confirmed is lost.

``python scripts/torture/kills.py [--flavour files] [--rounds 1000] [--seed 1] [--life N]``. A life is a fresh state and
up to 20 rounds. In a round, clients push, pull, move tags, delete, import and so on until an emulator is killed. It
starts again, and everything is checked (docs/torture.md). Ends with 1, and keeps the folder of the life, as soon as
something is wrong; ``--life`` repeats one life.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[2]))

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture.flavours import Files, Flavour
from scripts.torture.forks import Forks
from scripts.torture.full_disk import FullDisk
from scripts.torture.images import Images
from scripts.torture.rounds import Life, Report
from scripts.torture.shared_blobs import CREDENTIALS, Bucket, SharedBlobs, SharedFolder, gateway
from scripts.torture.verdicts import status_of
from scripts.torture.world import World

FLAVOURS = ["files", "full-disk", "nodes:1", "nodes:3", "nodes:1+s3", "nodes:3+s3"]
ROUNDS = 20
"""Number of rounds in a life."""


def play(flavour: str, folder: Path, seed: str, rounds: int, report: Report) -> bool:
    """Play a life, and return whether nothing was wrong."""
    with ExitStack() as stack:
        forks = stack.enter_context(closing(Forks(folder, CREDENTIALS)))
        upstream = stack.enter_context(ScriptedUpstream())
        emulators = opened(stack, flavour, forks, folder, upstream.url)
        return Life(emulators, World(seed, upstream, Images(seed), flavour == "files"), seed, report).run(rounds)


def opened(stack: ExitStack, flavour: str, forks: Forks, folder: Path, upstream: str) -> Flavour:
    """Return the emulators of a flavour over an empty state."""
    name, _, number = flavour.partition(":")
    if name == "files":
        return Files(forks, folder, upstream)
    if name == "full-disk":
        return stack.enter_context(closing(FullDisk(forks, folder, upstream)))
    from scripts.torture.nodes import Database, Nodes, running_database

    count, _, place = number.partition("+")
    blobs: SharedBlobs = SharedFolder(folder / "blobs")
    if place == "s3":
        blobs = stack.enter_context(closing(Bucket(stack.enter_context(gateway()), int(count))))
    server, lend = stack.enter_context(running_database())
    return stack.enter_context(closing(Nodes(forks, folder, upstream, blobs, Database(server, lend()), int(count))))


def main(arguments: list[str]) -> int:
    """Play lives until the number of rounds is reached."""
    options = _parser().parse_args(arguments)
    report, began, played, life = Report(), monotonic(), 0, options.life or 0
    with suppress(KeyboardInterrupt):  # the figures so far are shown
        while played < options.rounds and not report.wrong:
            rounds = min(ROUNDS, options.rounds - played)
            folder = Path(tempfile.mkdtemp(prefix="ecr-torture-"))
            if play(options.flavour, folder, f"{options.seed}.{life}", rounds, report):
                shutil.rmtree(folder)
            else:
                print(f"The state and the log are in {folder}")
            played, life = played + rounds, life + 1
            print(f"{played} rounds and {report.kills} kills after {monotonic() - began:.0f} s", flush=True)
    for title, counts in (("rounds", report.rounds), ("faults", report.faults), ("deeds", report.deeds)):
        if counts:
            print(f"{title}: " + ", ".join(f"{number} {name}" for name, number in counts.most_common()))
    return status_of(report.wrong, report.undecided)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Kill emulators at random moments, and check what they know.")
    parser.add_argument("--flavour", default="files", choices=FLAVOURS)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--life", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
