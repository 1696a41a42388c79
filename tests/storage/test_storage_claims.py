"""Claims of nodes: one node has a claim at a time, and the next one gets it when it is free."""

from concurrent.futures import CancelledError
from contextlib import closing

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres import claims
from ecr_emulator.storage.postgres.claims import SessionClaims

LONG = 20

pytestmark = pytest.mark.journey


@pytest.fixture
def locks(open_locks):
    return open_locks()


@pytest.fixture
def one(locks):
    with closing(SessionClaims(locks)) as claims:
        yield claims


@pytest.fixture
def other(open_locks):
    with closing(SessionClaims(open_locks())) as claims:
        yield claims


def test_one_node_has_a_claim(one, other):
    assert one.take("work")
    assert not other.take("work")
    assert other.take("other work")
    assert other.are_taken({"work", "rest"}) == {"work"}


def test_a_node_does_not_have_a_claim_twice(one):
    assert one.take("work")
    assert not one.take("work")


def test_the_next_node_gets_a_claim_that_is_released(one, other):
    one.take("work")
    turn = other.when_free("work")
    assert not turn.done()
    one.release("work")
    assert turn.result(LONG) is None
    assert not one.take("work")
    other.release("work")
    assert one.take("work")


def test_claims_are_given_in_the_order_of_their_waiters(one, other):
    one.take("work")
    first, second = other.when_free("work"), other.when_free("work")
    one.release("work")
    first.result(LONG)
    assert not second.done()
    other.release("work")
    second.result(LONG)


def test_the_next_node_gets_the_claims_of_a_node_that_ends(locks, one, other):
    one.take("work")
    turn = other.when_free("work")
    locks.close()
    turn.result(LONG)


def test_what_waits_for_a_claim_is_cancelled_at_the_end(one, other):
    one.take("work")
    turn = other.when_free("work")
    other.close()
    with pytest.raises(CancelledError):
        turn.result(LONG)
    assert other.when_free("work").cancelled()


def test_a_database_out_of_reach_is_told_to_those_that_wait(locks, one, other, monkeypatch):
    monkeypatch.setattr(claims, "GIVE_UP", 0.05)
    other.take("work")
    turn = one.when_free("work")
    locks.close()  # every later question fails
    with pytest.raises(StorageFailure):
        turn.result(LONG)
    with pytest.raises(StorageFailure):
        one.take("work")


def test_a_restart_of_the_database_is_waited_out(postgres, one, other):
    one.take("work")
    turn = other.when_free("work")
    postgres.stop()
    postgres.start()
    turn.result(LONG)  # the first node has lost its claim
