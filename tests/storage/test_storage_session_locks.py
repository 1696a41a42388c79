"""The locks of nodes in PostgreSQL: shared and exclusive ones, between nodes and within one, and lost connections."""

import threading
from contextlib import closing

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres import session_locks
from ecr_emulator.storage.postgres.session_locks import SessionLocks
from ecr_emulator.storage.postgres.store import PostgresStore
from tests.support.postgres import end_session

pytestmark = pytest.mark.journey


@pytest.fixture
def here(open_locks):
    return open_locks()


@pytest.fixture
def there(open_locks):
    return open_locks()


@pytest.mark.parametrize("holder", ["here", "there"])
def test_a_shared_lock_keeps_exclusive_ones_away_until_its_last_release(here, holder, request):
    holder = request.getfixturevalue(holder)
    holder.take_shared("blob")
    holder.take_shared("blob")
    assert not here.try_exclusive("blob")
    holder.release_shared("blob")
    assert not here.try_exclusive("blob")
    holder.release_shared("blob")
    assert here.try_exclusive("blob")


@pytest.mark.parametrize("holder", ["here", "there"])
def test_an_exclusive_lock_keeps_all_others_away(here, holder, request, monkeypatch):
    monkeypatch.setattr(session_locks, "BUSY_TIMEOUT", 0.01)
    holder = request.getfixturevalue(holder)
    assert holder.try_exclusive("blob")
    assert not here.try_exclusive("blob")
    with pytest.raises(StorageFailure):
        here.take_shared("blob")
    here.take_shared("another")
    holder.release_exclusive("blob")
    here.take_shared("blob")


def test_a_shared_lock_is_taken_as_soon_as_the_exclusive_one_is_released(here, there):
    assert there.try_exclusive("blob")
    taking = threading.Thread(target=here.take_shared, args=("blob",))
    taking.start()
    assert here.try_exclusive("another")  # nothing waits on the connection
    there.release_exclusive("blob")
    taking.join(5)
    assert not there.try_exclusive("blob")


def test_of_many_names_the_free_ones_are_taken(here, there):
    here.take_shared("mine")
    there.take_shared("theirs")
    assert here.held(["mine", "theirs", "free"]) == {"mine", "theirs"}
    with here.exclusively(["mine", "theirs", "free", "free too"]) as free:
        assert free == {"free", "free too"}
        assert there.held(["free"]) == {"free"}
        assert not there.try_exclusive("free")
    assert there.try_exclusive("free")


def test_no_names_are_no_question(here):
    end_session(here)
    with here.exclusively([]) as free:
        assert free == set()
    assert here.held([]) == set()
    assert here.epoch == 0


def test_locks_of_another_schema_are_others(databases, here):
    other = databases()
    PostgresStore(other, durable=False).close()
    with closing(SessionLocks(other)) as elsewhere:
        assert here.try_exclusive("blob")
        assert elsewhere.try_exclusive("blob")


def test_a_node_that_has_ended_has_no_locks(here, there):
    there.take_shared("blob")
    assert there.try_exclusive("fetch")
    there.close()
    assert here.try_exclusive("blob")
    assert here.try_exclusive("fetch")


def test_a_lost_connection_is_told_and_the_locks_are_taken_again(here, there):
    here.take_shared("blob")
    assert here.try_exclusive("fetch")
    assert here.is_unbroken("blob")
    assert here.is_unbroken("fetch")
    end_session(here)
    assert there.held(["blob", "fetch"]) == set()
    assert not here.is_unbroken("blob")
    assert not here.is_unbroken("fetch")
    assert here.epoch == 1
    assert there.held(["blob", "fetch"]) == {"blob", "fetch"}
    here.release_shared("blob")
    here.take_shared("blob")
    assert here.is_unbroken("blob")


def test_a_lock_that_another_node_took_meanwhile_is_not_taken_again(here, there):
    assert here.try_exclusive("fetch")
    end_session(here)
    assert there.try_exclusive("fetch")
    assert not here.is_unbroken("fetch")
    here.release_exclusive("fetch")
    assert not here.try_exclusive("fetch")
    there.release_exclusive("fetch")
    assert here.try_exclusive("fetch")


def test_a_lock_is_released_without_its_connection(here, there):
    here.take_shared("blob")
    assert here.try_exclusive("fetch")
    end_session(here)
    here.release_shared("blob")
    here.release_exclusive("fetch")
    here.take_shared("another")
    assert there.held(["blob", "fetch", "another"]) == {"another"}


def test_without_the_server_locks_fail_with_the_reason_and_come_back_with_it(postgres, here, there):
    here.take_shared("blob")
    postgres.stop()
    with pytest.raises(StorageFailure, match="the database cannot be used"):
        here.try_exclusive("fetch")
    with pytest.raises(StorageFailure, match="the database cannot be used"):
        here.is_unbroken("blob")
    postgres.start()
    assert here.try_exclusive("fetch")
    assert there.held(["blob", "fetch"]) == {"blob", "fetch"}
    assert not here.is_unbroken("blob")
    assert here.is_unbroken("fetch")


def test_many_threads_take_and_release(here, there):
    failures = []

    def work():
        try:
            for _ in range(50):
                here.take_shared("blob")
                assert not there.try_exclusive("blob")
                here.release_shared("blob")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
    assert there.try_exclusive("blob")
