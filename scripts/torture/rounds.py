"""The rounds of a life: what clients do, when the emulator is killed, and what is checked when it runs again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from time import monotonic, sleep
from typing import Any

from scripts.torture.acts import Expired
from scripts.torture.checks import Check
from scripts.torture.clients import Client
from scripts.torture.emulators import NotReady
from scripts.torture.flavours import Flavour
from scripts.torture.workers import Worker
from scripts.torture.world import EXPIRING, States, World, chance_of

CLIENTS = 4
ACTS = 50
"""Number of acts that are recorded before the emulators are disturbed, at most."""
PATIENCE = 10
"""Seconds to wait for them, at most."""
LONGEST_REQUEST = 40
"""Seconds after which no request is under way any more: an answer of S3 is waited for as long as 30."""
POLL = 0.003
KILLED_AGAIN = 0.25
"""Share of the rounds in which the emulator is killed again while it starts."""
LONGEST_START = 0.15
SAVED = 0.15
"""Share of the rounds after which the state is saved."""

FOCUSES: dict[str, dict[str, int]] = {
    "pushes": {"push": 8, "pull": 1, "list": 1},
    "tag moves": {"push": 2, "move_tag": 6, "pull": 2, "find": 1, "change_policy": 2, "create_or_delete": 2},
    "deletions": {"push": 4, "delete_tag": 3, "delete_image": 3, "list": 1},
    "lifecycle": {"push": 6, "expire": 3, "list": 2},
    "collection": {"push": 6, "delete_image": 2, "collect": 2},
    "cold pulls": {"pull_cold": 4, "pull_cached": 1, "import_cached": 3, "push": 1},
    "updates": {"update": 2, "pull_cached": 6, "push": 1},
    "load": {"load": 1, "pull": 4, "list": 2},
    "everything": {
        "push": 6, "move_tag": 3, "delete_tag": 2, "delete_image": 2, "pull": 2, "find": 2, "list": 2, "expire": 1,
        "collect": 1, "pull_cached": 2, "import_cached": 1,
        "pull_cold": 1, "change_policy": 1, "create_or_delete": 1,
    },
}  # fmt: skip
"""The deeds of the clients in a round, with their weights, by what the round is about."""
ENDS_SESSIONS = {"collect", "update", "load"}
"""Deeds after which sessions may have ended."""
MOVES_CLOCK = {"update", "load"}
"""Deeds after which nobody knows which cached tags are due."""


@dataclass
class Report:
    """The figures of a run, what was wrong, and what could not be decided. ``rounds`` are counted by their subjects."""

    kills: int = 0
    rounds: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


class Life:
    """A flavour from an empty state through some rounds. Everything random follows from the seed."""

    def __init__(self, flavour: Flavour, world: World, seed: object, report: Report) -> None:
        self._flavour = flavour
        self._world = world
        self._seed = seed
        self._report = report
        self._kills_before = report.kills

    def run(self, rounds: int) -> bool:
        """Play rounds, and return whether nothing was wrong."""
        self._flavour.start()
        with closing(self._client("preparation")) as client:
            self._world.prepare(client)
        for number in range(rounds):
            chance = chance_of(self._seed, number)
            focus = chance.choice([each for each in FOCUSES if each != "load" or self._world.saved])
            wrong = self._round(number, focus, chance)
            self._report.kills = self._kills_before + self._flavour.kills
            self._report.wrong += [f"life {self._seed}, round {number} ({focus}): {each}" for each in wrong]
            if wrong:
                return False
        return True

    def _round(self, number: int, focus: str, chance: random.Random) -> list[str]:
        try:
            return [*self._clients(number, focus, chance), *self._recover(chance), *self._check(focus, chance)]
        except NotReady as failure:
            return [str(failure)]

    def _client(self, name: object) -> Client:
        return Client(self._flavour.ports, self._world.failures, chance=chance_of(self._seed, name))

    def _clients(self, number: int, focus: str, chance: random.Random) -> list[str]:
        """Let clients work until something is killed, and return what they find wrong."""
        over = Event()
        clients = [self._client(f"{number}/{each}") for each in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            work = [
                pool.submit(
                    Worker(each, self._world, client, chance_of(self._seed, number, each)).run, FOCUSES[focus], over
                )
                for each, client in enumerate(clients)
            ]
            try:
                self._wait_for_acts(chance.randrange(ACTS))
                self._flavour.disturb(chance, self._report.faults)
            finally:
                over.set()
            wrong = [each for done in work for each in done.result()]
        for client in clients:
            client.close()
        self._report.rounds[focus] += 1
        return wrong

    def _wait_for_acts(self, number: int) -> None:
        """Wait until clients have recorded some acts. How long that takes depends on the machine."""
        until = monotonic() + PATIENCE
        while self._world.histories.counts.total() < number and monotonic() < until:
            sleep(POLL)

    def _recover(self, chance: random.Random) -> list[str]:
        if chance.random() < KILLED_AGAIN:
            self._flavour.kill_while_it_starts(chance.uniform(0, LONGEST_START))
        self._flavour.start()
        return self._flavour.unexpected(self._world.failures)

    def _check(self, focus: str, chance: random.Random) -> list[str]:
        world, histories = self._world, self._world.histories
        before = world.states()
        if focus == "load":
            world.forget_what_a_load_replaces()
        began = monotonic()
        with closing(self._client("check")) as client:
            check = Check(world, client, chance)
            deeds = FOCUSES[focus].keys()
            keeps_uploads = self._flavour.keeps_uploads and not deeds & ENDS_SESSIONS
            wrong = list(check.run(keeps_uploads, bool(deeds & MOVES_CLOCK)))
            wrong = wrong or self._left_over(client, check.needed | world.cached_blobs())
            wrong += [f"after the recovery: {each.what}" for each in world.failures if each.ended > began]
            if not wrong and focus == "load":
                assert world.saved is not None
                wrong += half_loaded(before, world.saved.states, world.states())
            if not wrong and chance.random() < SAVED:
                world.save(client)
        self._report.deeds.update(histories.counts)
        self._report.undecided += [f"life {self._seed} ({focus}): {each}" for each in histories.undecided]
        histories.counts.clear()
        histories.undecided.clear()
        world.failures.clear()
        return wrong + self._flavour.tracebacks()

    def _left_over(self, client: Client, needed: Collection[str]) -> list[str]:
        """Return what collections do not find.

        The request of a client that has given up may be under way for a while, and hold its upload.
        """
        until = monotonic() + LONGEST_REQUEST
        while (found := self._flavour.left_over(needed)) and monotonic() < until:
            sleep(1)
            client.admin("POST", "gc", {"grace": "0s"})
        return [f"left over: {each}" for each in found]


def half_loaded(before: States, saved: States, now: States) -> list[str]:
    """Return what is wrong if a load replaced some objects by their saved states, but not all.

    Images of one repository may have expired since.
    """
    not_kept = sorted(name for name, state in now.items() if state not in _with_expiry(name, before[name]))
    not_loaded = sorted(name for name, state in now.items() if state not in _with_expiry(name, saved[name]))
    return [f"a load replaced {not_kept}, but not {not_loaded}"] if not_kept and not_loaded else []


def _with_expiry(name: str, state: Any) -> set[Any]:
    return {state, *Expired().after(state)} if name == EXPIRING else {state}
