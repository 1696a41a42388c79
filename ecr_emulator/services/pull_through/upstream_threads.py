"""Threads for requests to upstreams: a limited number for each, so that a silent upstream delays no other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import field
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from ecr_emulator.quick_dataclasses import dataclass

THREADS = 128
"""Maximum number of threads for all upstreams together, started as they are needed."""

T = TypeVar("T")


@dataclass(slots=True)
class _Queue:
    threads: int = 0
    waiting: deque[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=deque)


class UpstreamThreads:
    """Up to ``per_upstream`` threads for each upstream. Further work waits in a queue of its upstream.

    ``name`` begins the names of the threads. Safe to use from many threads.
    """

    def __init__(self, per_upstream: int, name: str) -> None:
        self._per_upstream = per_upstream
        self._threads = ThreadPoolExecutor(THREADS, name)
        self._queues: dict[str, _Queue] = {}
        self._lock = Lock()

    def of(self, upstream: str) -> Executor:
        """Return the threads of an upstream, which is given by its host."""
        return _ExecutorOf(partial(self._submit, upstream))

    def close(self) -> None:
        """Take no more work, and cancel what has not begun."""
        with self._lock:
            self._threads.shutdown(wait=False, cancel_futures=True)
            waiting = [future for queue in self._queues.values() for future, _ in queue.waiting]
        for future in waiting:
            future.cancel()

    def _submit(self, upstream: str, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            queue = self._queues.setdefault(upstream, _Queue())
            if queue.threads < self._per_upstream:
                self._threads.submit(self._run, upstream, queue)
                queue.threads += 1
            queue.waiting.append((future, work))
        return future

    def _run(self, upstream: str, queue: _Queue) -> None:
        """Do the work of a queue until it is empty."""
        while True:
            with self._lock:
                if not queue.waiting:
                    queue.threads -= 1
                    if not queue.threads:
                        del self._queues[upstream]
                    return
                future, work = queue.waiting.popleft()
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
