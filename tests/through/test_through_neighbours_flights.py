"""Flights that need flights: they share a thread, are still flown once, and never wait for themselves."""

from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Event

import pytest

from ecr_emulator.services.pull_through.single_flight import MOST_STOPS, Endless, Flights


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def flights(threads):
    return Flights(lambda _: threads)


def test_a_flight_that_needs_another_has_its_outcome(flights):
    assert flights.outcome("a", lambda: flights.outcome("b", lambda: "b") + "a") == "ba"
    assert flights.pending() == []


def test_what_a_flight_needs_is_flown_though_all_threads_are_taken(flights):
    is_queued, is_flown = Event(), Event()

    def needs_the_queued_one():
        assert is_queued.wait(60)
        return flights.outcome("queued", lambda: "another")

    taking = flights.join("a", needs_the_queued_one)
    taking_too = flights.join("b", lambda: is_flown.wait(60))
    queued = flights.join("queued", lambda: "the queued one")
    is_queued.set()
    assert taking.result(5) == "the queued one"
    is_flown.set()
    assert (taking_too.result(5), queued.result(5)) == (True, "the queued one")


def test_what_is_under_way_elsewhere_is_waited_for_and_not_flown_again(flights):
    is_up, go_on, flown = Event(), Event(), []

    def slow():
        flown.append("slow")
        is_up.set()
        assert go_on.wait(60)

    def impatient():
        assert is_up.wait(60)
        with pytest.raises(TimeoutError):
            flights.outcome("slow", slow, timeout=0.01)
        go_on.set()

    slow_one = flights.join("slow", slow)
    flights.outcome("impatient", impatient)
    slow_one.result(5)
    assert flown == ["slow"]


def test_the_failure_of_a_needed_flight_is_that_of_the_one_that_needs_it(flights):
    def fails():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        flights.outcome("a", lambda: flights.outcome("b", fails))
    assert flights.pending() == []


def test_a_flight_cannot_need_itself(flights):
    def itself():
        return flights.outcome("a", itself)

    def by_way_of_another():
        return flights.outcome("b", lambda: flights.outcome("a", by_way_of_another))

    for circle in (itself, by_way_of_another):
        with pytest.raises(Endless):
            flights.outcome("a", circle)


def test_of_two_flights_that_need_each_other_one_makes_the_other_for_itself(flights):
    """Each needs what the other's thread is flying, without leading back to itself: neither waits for ever."""
    both_up = [Event(), Event()]

    def needs(this, other):
        both_up[this].set()
        assert both_up[other].wait(60)
        return flights.outcome(other, lambda: f"{other} again")

    first = flights.join(0, lambda: needs(0, 1))
    second = flights.join(1, lambda: needs(1, 0))
    assert first.result(5) == second.result(5)
    assert first.result() in ("0 again", "1 again")


def test_a_flight_that_gave_up_waiting_is_no_part_of_a_circle(flights):
    is_up, gave_up, may_land = Event(), Event(), Event()

    def impatient():
        assert is_up.wait(60)
        with pytest.raises(TimeoutError):
            flights.outcome("slow", slow, timeout=0.01)
        gave_up.set()
        assert may_land.wait(60)
        return "impatient"

    def slow():
        is_up.set()
        assert gave_up.wait(60)
        with pytest.raises(TimeoutError):
            flights.outcome("impatient", impatient, timeout=0.01)
        may_land.set()

    slow_one = flights.join("slow", slow)
    assert flights.join("impatient", impatient).result(5) == "impatient"
    slow_one.result(5)


def test_a_chain_of_flights_has_an_end(flights):
    def needs_the_next(number):
        return flights.outcome(number, lambda: needs_the_next(number + 1)) if number <= deepest else number

    deepest = MOST_STOPS
    assert flights.outcome(0, lambda: needs_the_next(1)) == deepest + 1
    deepest = MOST_STOPS + 1
    with pytest.raises(Endless):
        flights.outcome(0, lambda: needs_the_next(1))


def test_flights_that_wait_for_a_thread_are_called_off_at_the_end(threads, flights):
    end = Event()
    flying = [flights.join(key, lambda: end.wait(60)) for key in ("a", "b")]
    waiting = flights.join("c", lambda: "never")
    threads.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        waiting.result(5)
    end.set()
    assert [each.result(5) for each in flying] == [True, True]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_needs_what_every_flight_ends_and_finds_what_there_is(flights, seed):
    """Two threads, and registries in chains and circles at random, all asked at once: who can reach it has it.

    A registry that is asked in a circle answers with what it holds.
    """
    chance = Random(seed)
    upstreams = {key: chance.choice([None, *range(MOST_STOPS + 1)]) for key in range(MOST_STOPS + 1)}
    holders = {key for key in upstreams if chance.random() < 0.3}

    def pull(key):
        upstream = upstreams[key]
        try:
            found = upstream is not None and flights.outcome(upstream, partial(pull, upstream))
        except Endless:
            found = upstream in holders
        return found or key in holders

    def reachable(key):
        path = []
        while key is not None and key not in path:
            path.append(key)
            key = upstreams[key]
        return holders.intersection(path)

    flying = {key: flights.join(key, partial(pull, key)) for key in upstreams}
    for key, flight in flying.items():
        assert flight.result(10) == bool(reachable(key)), (upstreams, holders, key)
    assert flights.pending() == []
