"""Run two threads on one emulator and switch between them at chosen steps: reproducibly, and in every order.

A step is what one side does to the other's world: a file that is opened, read from its folder, renamed or removed, a
lock of the blob store, the beginning and the end of a unit of the database. Only one side runs at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from itertools import count
from threading import Condition, Lock, Thread, current_thread
from typing import Any
from unittest.mock import patch

from ecr_emulator.emulator import Emulator

FILES = "ecr_emulator.storage.blobs.files"
FILE_STEPS = frozenset({"stat", "unlink", "rename", "replace", "listdir", "makedirs", "fsync"})
WRITER, OTHER = "writer", "other"
SECONDS = 30
"""Seconds after which a run counts as hanging."""


class Switch:
    """Lets the writer take ``first`` steps, the other side ``second``, then the writer the rest, then the other.

    A side that waits for a lock lets the other one go on. Threads that the writer starts belong to its side.
    """

    def __init__(self, first: int, second: int) -> None:
        self.steps = {WRITER: 0, OTHER: 0}
        self._switches = {WRITER: first, OTHER: second}
        self._running = WRITER
        self._over: set[str] = set()
        self._changed = Condition()
        self._others: Thread | None = None

    def run(self, writer: Callable[[], Any], other: Callable[[], Any]) -> Any:
        """Run both sides and return the writer's result. Raises the exception of either side."""
        failures: list[BaseException] = []
        self._others = Thread(target=self._side, args=(OTHER, other, failures))
        results: list[Any] = []
        writing = Thread(target=self._side, args=(WRITER, lambda: results.append(writer()), failures))
        for thread in (writing, self._others):
            thread.start()
        for thread in (writing, self._others):
            thread.join(SECONDS)
            assert not thread.is_alive(), f"it hangs after {self.steps}"
        for failure in failures:
            raise failure
        return results[0]

    def step(self) -> None:
        """Wait until it is this thread's turn to take a step."""
        side = self._side_of_this_thread()
        with self._changed:
            self._await(side)
            if self._switches.get(side) == self.steps[side]:
                del self._switches[side]
                self._hand_over(side)
                self._await(side)
            self.steps[side] += 1

    def blocked(self) -> None:
        """Switch to the other side, because this one waits for a lock."""
        side = self._side_of_this_thread()
        with self._changed:
            self._hand_over(side)
            self._await(side)

    def _side(self, side: str, work: Callable[[], Any], failures: list[BaseException]) -> None:
        try:
            self.step()
            work()
        except BaseException as failure:
            failures.append(failure)
        with self._changed:
            self._over.add(side)
            self._hand_over(side)

    def _hand_over(self, side: str) -> None:
        other = OTHER if side == WRITER else WRITER
        self._running = side if other in self._over and side not in self._over else other
        self._changed.notify_all()

    def _await(self, side: str) -> None:
        assert self._changed.wait_for(lambda: self._running == side or len(self._over) == 2, SECONDS), "it hangs"

    def _side_of_this_thread(self) -> str:
        return OTHER if current_thread() is self._others else WRITER


class SwitchedLock:
    """A lock whose holder may be stopped: a side that waits for it lets the other side go on."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._lock = Lock()

    def __enter__(self) -> None:
        self._switch.step()
        while not self._lock.acquire(timeout=0.001):
            self._switch.blocked()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class SwitchedPool:
    """A pool of database units; with a lock, only one is in use at a time."""

    def __init__(self, pool: Any, switch: Switch, lock: SwitchedLock | None) -> None:
        self._pool, self._switch, self._lock = pool, switch, lock

    def take(self) -> Any:
        if self._lock:
            self._lock.__enter__()
        else:
            self._switch.step()
        return self._pool.take()

    def give(self, thing: Any) -> None:
        self._switch.step()
        self._pool.give(thing)
        if self._lock:
            self._lock.__exit__()


@contextmanager
def switched(emulator: Emulator, switch: Switch) -> Iterator[None]:
    """Make every step of an emulator wait for the switch while the block runs. No background thread runs meanwhile."""
    blobs: Any = emulator._blobs
    store, alone = emulator._store, SwitchedLock(switch)
    with (
        emulator.services.due_work.stopped(),
        patch(f"{FILES}.os", _SwitchedSystem(switch)),
        patch(f"{FILES}.FileIO", _switched_files(switch)),
        patch.object(blobs._holds, "_lock", SwitchedLock(switch)),
        patch.object(blobs, "_replacing", SwitchedLock(switch)),
        patch.object(emulator.services.due_work, "_alone", lambda _: alone),
        patch.object(store, "_writer", SwitchedPool(store._writer, switch, SwitchedLock(switch))),
        patch.object(store, "_readers", SwitchedPool(store._readers, switch, None)),
    ):
        yield


class _SwitchedSystem:
    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in FILE_STEPS:
            return real

        def stepped(*arguments: Any, **how: Any) -> Any:
            self._switch.step()
            return real(*arguments, **how)

        return stepped


def _switched_files(switch: Switch) -> type[FileIO]:
    class Switched(FileIO):
        def __init__(self, *arguments: Any, **how: Any) -> None:
            switch.step()
            super().__init__(*arguments, **how)

    return Switched


def every_interleaving(run: Callable[[Switch], None], *, is_whole: bool = False) -> int:
    """Call ``run`` with every step at which the writer can stop and every step that the other side can then reach.

    ``is_whole``: the other side is not stopped. Returns the number of runs.
    """
    runs = 0
    for first in count(1):
        for second in count(1):
            switch = Switch(first, -1 if is_whole else second)
            run(switch)
            runs += 1
            if is_whole or switch.steps[OTHER] <= second:
                break
        if switch.steps[WRITER] <= first:
            return runs
    raise AssertionError
