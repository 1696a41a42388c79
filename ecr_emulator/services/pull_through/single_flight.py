"""One run of a piece of work for everybody who wants its outcome at the same time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from threading import RLock, local
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")

MOST_STOPS = 3
"""So many flights deep may one flight need another."""


class Endless(Exception):
    """A flight needs itself, directly or through others, or too long a chain of them."""


@dataclass(eq=False, slots=True)
class _Flight(Generic[Key, T]):
    key: Key
    work: Callable[[], T]
    outcome: Future[T] = field(default_factory=Future)
    has_started: bool = False
    waits_for: _Flight[Key, T] | None = None

    def leads_to(self, other: _Flight[Key, T]) -> bool:
        """Whether it is the other one, or waits for it."""
        flight: _Flight[Key, T] | None = self
        while flight and flight is not other:
            flight = flight.waits_for
        return flight is other


class Flights(Generic[Key, T]):
    """Work in progress by key. A flight belongs to nobody: it goes on when those who wait for it leave.

    The work of a flight may need another flight. That one is then flown on the same thread unless it is under way
    already, so that flights that need each other never run out of threads. Where the one under way waits for the flight
    that needs it, neither would ever land: then it is flown again, for that flight alone.

    ``executor_of`` says which threads fly a key.
    """

    def __init__(self, executor_of: Callable[[Key], Executor]) -> None:
        self._executor_of = executor_of
        self._flying: dict[Key, _Flight[Key, T]] = {}
        self._lock = RLock()
        self._here = local()

    def join(self, key: Key, work: Callable[[], T]) -> Future[T]:
        """The flight of this key, started now if there is none. All who join get the same result or error."""
        with self._lock:
            flight = self._flying.get(key)
            if flight is None:
                flight = _Flight(key, work)
                taking_off = self._executor_of(key).submit(self._take_off, flight)
                taking_off.add_done_callback(partial(self._call_off, flight))
                self._flying[key] = flight
            return flight.outcome

    def outcome(self, key: Key, work: Callable[[], T], timeout: float | None = None) -> T:
        """What the flight of this key comes to, started now if there is none; ``timeout`` is in seconds.

        Raises what the work raises, ``TimeoutError``, and ``Endless`` where a flight asks for what cannot end.
        """
        aboard = self._aboard()
        if not aboard:
            return self.join(key, work).result(timeout)
        if any(flight.key == key for flight in aboard):
            raise Endless
        this = aboard[-1]
        with self._lock:
            other = self._flying.get(key)
            if other is None or other.leads_to(this):
                other = _Flight(key, work)
            is_mine = not other.has_started
            if is_mine and len(aboard) > MOST_STOPS:
                raise Endless
            self._flying.setdefault(key, other)
            other.has_started = True
            this.waits_for = other
        try:
            if is_mine:
                self._fly(other)
            return other.outcome.result(timeout)
        finally:
            this.waits_for = None

    def pending(self) -> list[Future[T]]:
        """The flights that have not landed."""
        with self._lock:
            return [flight.outcome for flight in self._flying.values()]

    def _take_off(self, flight: _Flight[Key, T]) -> None:
        with self._lock:
            if flight.has_started:
                return  # a flight that needs this one could not wait for a thread
            flight.has_started = True
        self._fly(flight)

    def _fly(self, flight: _Flight[Key, T]) -> None:
        aboard = self._aboard()
        aboard.append(flight)
        try:
            result = flight.work()
        except BaseException as error:
            self._land(flight)  # before anybody knows its outcome: who asks again then gets a flight of his own
            flight.outcome.set_exception(error)
        else:
            self._land(flight)
            flight.outcome.set_result(result)
        finally:
            aboard.pop()

    def _call_off(self, flight: _Flight[Key, T], thread: Future[None]) -> None:
        """The executor was shut down before it came to this flight."""
        if thread.cancelled() and not flight.has_started:
            flight.outcome.cancel()
            self._land(flight)

    def _land(self, flight: _Flight[Key, T]) -> None:
        with self._lock:
            if self._flying.get(flight.key) is flight:
                del self._flying[flight.key]

    def _aboard(self) -> list[_Flight[Key, T]]:
        """The flights of this thread, each of which needs the next."""
        if not hasattr(self._here, "aboard"):
            self._here.aboard = []
        aboard: list[_Flight[Key, T]] = self._here.aboard
        return aboard
