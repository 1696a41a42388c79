"""Threads for work that waits for upstreams, none of which may take them all: a silent one holds up no other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any, TypeVar

THREADS = 128
"""So many in all, started as they are needed."""

T = TypeVar("T")


@dataclass(slots=True)
class _Lane:
    threads: int = 0
    waiting: deque[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=deque)


class Lanes:
    """Up to ``width`` threads for each upstream. What is beyond that waits, and in no other upstream's way.

    Safe to use from many threads.
    """

    def __init__(self, width: int, name: str) -> None:
        self._width = width
        self._threads = ThreadPoolExecutor(THREADS, name)
        self._lanes: dict[str, _Lane] = {}
        self._lock = Lock()

    def of(self, upstream: str) -> Executor:
        """The threads of an upstream, which is given by its host."""
        return _ExecutorOf(partial(self._submit, upstream))

    def close(self) -> None:
        """Take no more work, and cancel what has not begun."""
        with self._lock:
            self._threads.shutdown(wait=False, cancel_futures=True)
            waiting = [future for lane in self._lanes.values() for future, _ in lane.waiting]
        for future in waiting:
            future.cancel()

    def _submit(self, upstream: str, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            lane = self._lanes.setdefault(upstream, _Lane())
            if lane.threads < self._width:
                self._threads.submit(self._run, upstream, lane)
                lane.threads += 1
            lane.waiting.append((future, work))
        return future

    def _run(self, upstream: str, lane: _Lane) -> None:
        """Work in a lane until nothing is left in it."""
        while True:
            with self._lock:
                if not lane.waiting:
                    lane.threads -= 1
                    if not lane.threads:
                        del self._lanes[upstream]
                    return
                future, work = lane.waiting.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = work()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)


@dataclass(frozen=True, slots=True)
class _ExecutorOf(Executor):
    begin: Callable[[Callable[[], Any]], Future[Any]]

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See ``Executor``."""
        return self.begin(partial(fn, *args, **kwargs))
