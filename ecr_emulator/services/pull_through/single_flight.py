"""Single flight: callers that want the same result at the same time share one execution of the work."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import field
from functools import partial
from threading import RLock, local
from typing import Generic, TypeVar

from ecr_emulator.quick_dataclasses import dataclass

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")

MAX_NESTED_CALLS = 3
"""Maximum number of calls that one call may need, each within the one before."""


class CircularCall(Exception):
    """A call needs itself, directly or through others, or a chain of more than ``MAX_NESTED_CALLS``."""


@dataclass(eq=False, slots=True)
class _Call(Generic[Key, T]):
    key: Key
    work: Callable[[], T]
    result: Future[T] = field(default_factory=Future)
    has_started: bool = False
    waits_for: _Call[Key, T] | None = None

    def leads_to(self, other: _Call[Key, T]) -> bool:
        """Whether this call is the other one, or waits for it."""
        call: _Call[Key, T] | None = self
        while call and call is not other:
            call = call.waits_for
        return call is other


class SingleFlight(Generic[Key, T]):
    """Calls in progress by key. A call goes on when the clients that wait for it leave.

    The work of a call may need another call. That one runs on the same thread unless it has started already, so that
    calls that need each other never run out of threads. If the other call waits for the one that needs it, neither
    would ever finish: then its work runs a second time, only for the call that needs it.

    ``executor_of`` returns the threads that run the call of a key.
    """

    def __init__(self, executor_of: Callable[[Key], Executor]) -> None:
        self._executor_of = executor_of
        self._calls: dict[Key, _Call[Key, T]] = {}
        self._lock = RLock()
        self._this_thread = local()

    def join(self, key: Key, work: Callable[[], T]) -> Future[T]:
        """Return the call of this key; start it if there is none. All who join get the same result or error."""
        with self._lock:
            call = self._calls.get(key)
            if call is None:
                call = _Call(key, work)
                starting = self._executor_of(key).submit(self._start, call)
                starting.add_done_callback(partial(self._cancel, call))
                self._calls[key] = call
            return call.result

    def result(self, key: Key, work: Callable[[], T], timeout: float | None = None) -> T:
        """Return the result of the call of this key; start it if there is none. ``timeout`` is in seconds.

        Raises what the work raises, ``TimeoutError``, and ``CircularCall`` if a call asks for one that cannot end.
        """
        stack = self._stack()
        if not stack:
            return self.join(key, work).result(timeout)
        if any(call.key == key for call in stack):
            raise CircularCall
        this = stack[-1]
        with self._lock:
            other = self._calls.get(key)
            if other is None or other.leads_to(this):
                other = _Call(key, work)
            is_mine = not other.has_started
            if is_mine and len(stack) > MAX_NESTED_CALLS:
                raise CircularCall
            self._calls.setdefault(key, other)
            other.has_started = True
            this.waits_for = other
        try:
            if is_mine:
                self._run(other)
            return other.result.result(timeout)
        finally:
            this.waits_for = None

    def pending(self) -> list[Future[T]]:
        """Return the calls that have not finished."""
        with self._lock:
            return [call.result for call in self._calls.values()]

    def _start(self, call: _Call[Key, T]) -> None:
        with self._lock:
            if call.has_started:
                return  # a call that needs this one could not wait for a thread
            call.has_started = True
        self._run(call)

    def _run(self, call: _Call[Key, T]) -> None:
        stack = self._stack()
        stack.append(call)
        try:
            result = call.work()
        except BaseException as error:
            self._finish(call)  # before anybody sees the result: a client that asks again then gets a new call
            call.result.set_exception(error)
        else:
            self._finish(call)
            call.result.set_result(result)
        finally:
            stack.pop()

    def _cancel(self, call: _Call[Key, T], thread: Future[None]) -> None:
        """Cancel a call if the executor was shut down before it started."""
        if thread.cancelled() and not call.has_started:
            call.result.cancel()
            self._finish(call)

    def _finish(self, call: _Call[Key, T]) -> None:
        with self._lock:
            if self._calls.get(call.key) is call:
                del self._calls[call.key]

    def _stack(self) -> list[_Call[Key, T]]:
        """Return the calls that this thread runs; each call needs the next one."""
        if not hasattr(self._this_thread, "stack"):
            self._this_thread.stack = []
        stack: list[_Call[Key, T]] = self._this_thread.stack
        return stack
