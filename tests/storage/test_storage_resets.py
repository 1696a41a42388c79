"""A reset of everything replaces the database: keys are not given again, and what a reset keeps stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from threading import Thread

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import store as store_module
from ecr_emulator.storage.store import SqlStore
from tests.support.storage import NOW, a_repository


def test_a_reset_gives_no_key_of_a_repository_again(store):
    with store.writing() as work:
        before = work.repositories.add(a_repository("team/app"))
    store.reset()
    with store.writing() as work:
        assert work.repositories.page(before.registry, "", 10) == []
        assert work.repositories.add(a_repository("team/app")).key > before.key


def test_a_reset_keeps_the_signing_key_and_the_time(database):
    store = SqlStore(database, durable=False)
    key = store.signing_key()
    store.remember_time(NOW)
    store.reset()
    assert (store.signing_key(), store.latest_time()) == (key, NOW)
    store.close()
    reopened = SqlStore(database, durable=False)
    assert (reopened.signing_key(), reopened.latest_time()) == (key, NOW)
    reopened.close()


def test_a_reset_ends_watches_and_tells_that_no_task_is_due(store):
    with store.writing() as work:
        repository = work.repositories.add(a_repository("team/app"))
    with store.reading() as work:
        watch = work.watch(repository)
    told = []
    store.at_commit(told.append)
    store.reset()
    assert not watch.is_unchanged
    assert store.next_due is None
    assert told == [[]]


def test_a_reader_sees_the_state_before_a_reset_to_its_end(store):
    with store.writing() as work:
        repository = work.repositories.add(a_repository("team/app"))
    with store.reading() as work:
        assert work.repositories.find(repository.registry, "team/app")
        reset = Thread(target=store.reset)
        reset.start()
        reset.join()
        assert work.repositories.find(repository.registry, "team/app")


def test_a_reset_fails_while_another_program_holds_the_lock(sqlite_store, database, monkeypatch):
    monkeypatch.setattr(store_module, "BUSY_TIMEOUT", 0.0)
    with sqlite_store.writing() as work:
        repository = work.repositories.add(a_repository("team/app"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailure):
            sqlite_store.reset()
    with sqlite_store.reading() as work:
        assert work.repositories.find(repository.registry, "team/app")
