"""The latest time that a database knows: read from one row after an orderly end, and searched for after any other."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.storage.store import SqlStore
from tests.support.sql_statements import SqlStatements
from tests.support.storage import NOW, a_repository

EARLIER, LATER = NOW - timedelta(days=1), NOW + timedelta(days=1)


@contextmanager
def opened(database):
    store = SqlStore(database, durable=False)
    try:
        yield store
    finally:
        store.close()


def add(store, name, at):
    with store.writing() as work:
        work.repositories.add(replace(a_repository(name), created_at=at))


def add_and_fail(store):
    with store.writing() as work:
        work.repositories.add(replace(a_repository("never"), created_at=LATER))
        raise ZeroDivisionError


def latest(database):
    with opened(database) as store:
        return store.latest_time()


@pytest.mark.parametrize(("end", "expected"), [(LATER, LATER), (EARLIER, NOW)], ids=["later", "set back"])
def test_an_orderly_end_stores_the_latest_time(database, end, expected):
    with opened(database) as store:
        add(store, "one", NOW)
        store.remember_end(end)
    assert latest(database) == expected


def test_no_table_is_searched_after_an_orderly_end(database, monkeypatch):
    with opened(database) as store:
        add(store, "one", NOW)
        store.remember_end(NOW)
    sql = SqlStatements()
    sql.watch(monkeypatch)
    with opened(database) as store, sql.counted() as statements:
        store.latest_time()
    assert [each for each in statements if "images" in each] == []


def test_the_latest_date_is_found_after_a_process_was_killed(database):
    with opened(database) as store:
        add(store, "one", NOW)
        store.remember_end(NOW)
    with opened(database) as store:
        assert store.latest_time() == NOW
        add(store, "two", LATER)
        assert store.latest_time() == LATER
    assert latest(database) == LATER


def test_a_write_after_the_end_counts(database):
    with opened(database) as store:
        store.remember_end(NOW)
        add(store, "late", LATER)
    assert latest(database) == LATER


def test_a_write_that_failed_changes_nothing(database):
    with opened(database) as store:
        add(store, "one", NOW)
        store.remember_end(NOW)
    with opened(database) as store:
        with pytest.raises(ZeroDivisionError):
            add_and_fail(store)
        assert store.latest_time() == NOW
        add(store, "three", LATER)
    assert latest(database) == LATER
