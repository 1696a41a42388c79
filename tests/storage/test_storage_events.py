"""The log of events: what it keeps, and the keys of its events."""

import sqlite3
from contextlib import closing

from ecr_emulator.domain.events import Event
from ecr_emulator.settings import Settings
from ecr_emulator.storage.events import DEFAULT_SIZE
from ecr_emulator.storage.store import SqlStore
from tests.support.storage import HOME, NOW


def add(store, *numbers):
    with store.writing() as work:
        for number in numbers:
            work.events.add(Event(HOME, NOW, "ECR Image Action", {"n": number}))


def keys(store):
    """Return the number and the key of each event, and the newest key."""
    with store.reading() as work:
        kept = work.events.after(0, 100)
        return [(event.detail["n"], event.key) for event in kept], work.events.newest_key()


def copy_of(store):
    copy = sqlite3.connect(":memory:")
    with store.paused() as connection:
        connection.backup(copy)
    return copy


def put_back(store, copy):
    with store.paused() as connection:
        store.replace(connection, copy)


def test_the_newest_events_are_kept_and_a_smaller_log_forgets_more(database):
    with closing(SqlStore(database, durable=False, event_log_size=10)) as store:
        add(store, *range(15))
        assert keys(store) == ([(number, number + 1) for number in range(5, 15)], 15)
    with closing(SqlStore(database, durable=False, event_log_size=3)) as store:
        add(store, 15)
        assert keys(store) == ([(13, 14), (14, 15), (15, 16)], 16)


def test_ten_thousand_events_are_kept_by_default():
    assert Settings().event_log_size == DEFAULT_SIZE == 10_000


def test_a_log_without_events_has_no_key(store):
    assert keys(store) == ([], 0)


def test_a_reset_gives_no_key_again(store):
    add(store, 1, 2)
    store.reset()
    assert keys(store) == ([], 2)
    add(store, 3)
    assert keys(store) == ([(3, 3)], 3)


def test_a_restored_database_gives_no_key_again(sqlite_store):
    with closing(copy_of(sqlite_store)) as empty:
        add(sqlite_store, 1)
        with closing(copy_of(sqlite_store)) as one:
            add(sqlite_store, 2, 3)
            put_back(sqlite_store, one)
            add(sqlite_store, 4)
            assert keys(sqlite_store) == ([(1, 1), (4, 4)], 4)
        put_back(sqlite_store, empty)
        assert keys(sqlite_store) == ([], 4)


def test_a_restored_database_may_have_greater_keys(sqlite_store, tmp_path):
    with closing(SqlStore(tmp_path / "other.sqlite", durable=False)) as other:
        add(other, 1, 2, 3)
        with closing(copy_of(other)) as copy:
            put_back(sqlite_store, copy)
    add(sqlite_store, 4)
    assert keys(sqlite_store)[0][-1] == (4, 4)
