"""Nested calls: they share a thread, run once, and never wait for themselves."""

from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from random import Random
from threading import Event

import pytest

from ecr_emulator.services.pull_through.single_flight import MAX_NESTED_CALLS, CircularCall, SingleFlight


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture
def single_flight(threads):
    return SingleFlight(lambda _: threads)


def test_a_call_that_needs_another_has_its_result(single_flight):
    assert single_flight.result("a", lambda: single_flight.result("b", lambda: "b") + "a") == "ba"
    assert single_flight.pending() == []


def test_a_call_that_another_needs_runs_though_all_threads_are_taken(single_flight):
    is_queued, is_run = Event(), Event()

    def needs_the_queued_one():
        assert is_queued.wait(60)
        return single_flight.result("queued", lambda: "another")

    taking = single_flight.join("a", needs_the_queued_one)
    taking_too = single_flight.join("b", lambda: is_run.wait(60))
    queued = single_flight.join("queued", lambda: "the queued one")
    is_queued.set()
    assert taking.result(5) == "the queued one"
    is_run.set()
    assert (taking_too.result(5), queued.result(5)) == (True, "the queued one")


def test_a_call_that_runs_on_another_thread_is_waited_for(single_flight):
    is_up, go_on, runs = Event(), Event(), []

    def slow():
        runs.append("slow")
        is_up.set()
        assert go_on.wait(60)

    def impatient():
        assert is_up.wait(60)
        with pytest.raises(TimeoutError):
            single_flight.result("slow", slow, timeout=0.01)
        go_on.set()

    slow_one = single_flight.join("slow", slow)
    single_flight.result("impatient", impatient)
    slow_one.result(5)
    assert runs == ["slow"]


def test_a_call_fails_as_the_call_that_it_needs(single_flight):
    def fails():
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        single_flight.result("a", lambda: single_flight.result("b", fails))
    assert single_flight.pending() == []


def test_a_call_cannot_need_itself(single_flight):
    def itself():
        return single_flight.result("a", itself)

    def by_way_of_another():
        return single_flight.result("b", lambda: single_flight.result("a", by_way_of_another))

    for circle in (itself, by_way_of_another):
        with pytest.raises(CircularCall):
            single_flight.result("a", circle)


def test_of_two_calls_that_need_each_other_one_runs_the_work_of_the_other(single_flight):
    """Two calls need each other's nested calls, which form no circle. Neither waits for ever."""
    both_up = [Event(), Event()]

    def needs(this, other):
        both_up[this].set()
        assert both_up[other].wait(60)
        return single_flight.result(other, lambda: f"{other} again")

    first = single_flight.join(0, lambda: needs(0, 1))
    second = single_flight.join(1, lambda: needs(1, 0))
    assert first.result(5) == second.result(5)
    assert first.result() in ("0 again", "1 again")


def test_a_call_that_gave_up_waiting_is_no_part_of_a_circle(single_flight):
    is_up, gave_up, may_finish = Event(), Event(), Event()

    def impatient():
        assert is_up.wait(60)
        with pytest.raises(TimeoutError):
            single_flight.result("slow", slow, timeout=0.01)
        gave_up.set()
        assert may_finish.wait(60)
        return "impatient"

    def slow():
        is_up.set()
        assert gave_up.wait(60)
        with pytest.raises(TimeoutError):
            single_flight.result("impatient", impatient, timeout=0.01)
        may_finish.set()

    slow_one = single_flight.join("slow", slow)
    assert single_flight.join("impatient", impatient).result(5) == "impatient"
    slow_one.result(5)


def test_a_chain_of_calls_has_an_end(single_flight):
    def needs_the_next(number):
        return single_flight.result(number, lambda: needs_the_next(number + 1)) if number <= deepest else number

    deepest = MAX_NESTED_CALLS
    assert single_flight.result(0, lambda: needs_the_next(1)) == deepest + 1
    deepest = MAX_NESTED_CALLS + 1
    with pytest.raises(CircularCall):
        single_flight.result(0, lambda: needs_the_next(1))


def test_calls_that_wait_for_a_thread_are_cancelled_at_the_end(threads, single_flight):
    end = Event()
    running = [single_flight.join(key, lambda: end.wait(60)) for key in ("a", "b")]
    waiting = single_flight.join("c", lambda: "never")
    threads.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        waiting.result(5)
    end.set()
    assert [each.result(5) for each in running] == [True, True]


@pytest.mark.parametrize("seed", range(30))
def test_every_call_ends_and_finds_what_it_can_reach(single_flight, seed):
    """All registries of random chains and circles are asked at once by two threads: each finds what it can reach.

    A registry that is asked in a circle answers with the images that it holds.
    """
    chance = Random(seed)
    upstreams = {key: chance.choice([None, *range(MAX_NESTED_CALLS + 1)]) for key in range(MAX_NESTED_CALLS + 1)}
    holders = {key for key in upstreams if chance.random() < 0.3}

    def pull(key):
        upstream = upstreams[key]
        try:
            found = upstream is not None and single_flight.result(upstream, partial(pull, upstream))
        except CircularCall:
            found = upstream in holders
        return found or key in holders

    def reachable(key):
        path = []
        while key is not None and key not in path:
            path.append(key)
            key = upstreams[key]
        return holders.intersection(path)

    running = {key: single_flight.join(key, partial(pull, key)) for key in upstreams}
    for key, call in running.items():
        assert call.result(10) == bool(reachable(key)), (upstreams, holders, key)
    assert single_flight.pending() == []
