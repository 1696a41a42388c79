"""The disk and the database file of a store: a full disk, locks of other programs, damage, and synced commits."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import ballast
from ecr_emulator.storage import store as stores
from ecr_emulator.storage.disk import KEPT
from ecr_emulator.storage.store import SqlStore
from tests.support.database_files import damage, write_lock
from tests.support.storage import HOME, a_repository

BALLAST = "ecr.ballast"


def free(monkeypatch, number):
    """Set the number of free bytes that the disk reports."""
    for module in (ballast, stores):
        monkeypatch.setattr(module, "free_bytes", lambda _folder: number)


# --- Commits ------------------------------------------------------------------------------------------------


OFF, NORMAL, FULL = range(3)


@pytest.mark.parametrize(
    ("durable", "kind", "synchronous"),
    [
        (True, {}, FULL),
        (True, {"frees": True}, FULL),
        (True, {"promised": False}, NORMAL),
        (True, {"waits": False}, NORMAL),
        (True, {"waits": False, "promised": True}, FULL),
        (False, {}, OFF),
    ],
)
def test_a_promised_commit_is_synced_to_disk(database, durable, kind, synchronous):
    with closing(SqlStore(database, durable=durable)) as store:
        for before in ({}, {"promised": False}):
            with store.writing(**before):
                pass
            with store.writing(**kind) as work:
                assert work.connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)


# --- Locks of other programs ------------------------------------------------------------------------------


def test_an_optional_write_does_not_wait_for_the_lock_of_another_program(sqlite_store, database):
    with (
        write_lock(database),
        pytest.raises(StorageFailure, match="another program holds the lock"),
        sqlite_store.writing(waits=False),
    ):
        pass
    with sqlite_store.writing(waits=False) as work:
        work.repositories.add(a_repository())


def test_a_required_write_waits_for_another_program_without_blocking_others(sqlite_store, database, monkeypatch):
    def add():
        with sqlite_store.writing() as work:
            work.repositories.add(a_repository())

    looked = []
    monkeypatch.setattr(stores, "sleep", lambda _seconds: looked.append(True))
    with ThreadPoolExecutor(1) as threads:
        with write_lock(database):
            added = threads.submit(add)
            while not looked:
                pass
            with pytest.raises(StorageFailure, match="another program"), sqlite_store.writing(waits=False):
                pass
            with sqlite_store.reading() as work:
                assert work.repositories.count(HOME) == 0
            assert not added.done()
        added.result()
    with sqlite_store.reading() as work:
        assert work.repositories.count(HOME) == 1


def test_the_error_says_that_another_program_holds_the_lock(sqlite_store, database, monkeypatch):
    monkeypatch.setattr(stores, "BUSY_TIMEOUT", 0)
    with write_lock(database), pytest.raises(StorageFailure, match="another program"), sqlite_store.writing():
        pass


# --- A full disk ------------------------------------------------------------------------------------------


def test_the_last_free_bytes_are_reserved_for_deletions(sqlite_store, monkeypatch):
    with sqlite_store.writing() as work:
        repository = work.repositories.add(a_repository())
    free(monkeypatch, KEPT - 1)
    for waits in (True, False):
        with pytest.raises(StorageFailure, match="the disk is full"), sqlite_store.writing(waits=waits):
            pass
    with sqlite_store.writing(frees=True) as work:
        work.repositories.remove(repository)
    sqlite_store.reset()


@pytest.fixture
def lasting(database):
    with closing(SqlStore(database, durable=True)) as store:
        yield store


def test_a_deletion_on_a_full_disk_removes_the_ballast_until_there_is_room(lasting, database, monkeypatch):
    file = database.with_name(BALLAST)
    assert file.stat().st_size == KEPT
    assert file.stat().st_blocks * 512 >= KEPT
    free(monkeypatch, KEPT - 1)
    with lasting.writing(frees=True):
        assert not file.exists()
    assert not file.exists()
    free(monkeypatch, 2 * KEPT)
    with lasting.writing(frees=True):
        pass
    assert file.stat().st_size == KEPT


def test_temporary_state_has_no_ballast(store, database):
    with store.writing(frees=True):
        pass
    assert not database.with_name(BALLAST).exists()


def test_a_store_opens_on_a_full_disk_by_removing_its_ballast(database, monkeypatch):
    SqlStore(database, durable=True).close()
    free(monkeypatch, 0)
    SqlStore(database, durable=True).close()
    assert not database.with_name(BALLAST).exists()


# --- Damage -----------------------------------------------------------------------------------------------


def test_reads_and_writes_report_damage_with_the_same_message(database):
    with closing(SqlStore(database, durable=True)) as store, store.writing() as work:
        for number in range(2_000):
            work.repositories.add(a_repository(f"app-{number}"))
    with closing(SqlStore(database, durable=True)) as store:
        damage(database)
        words = r"the database is damaged: .*\. Restore it from a copy, or use another data directory\."
        with pytest.raises(StorageFailure, match=words), store.reading() as work:
            work.repositories.page(HOME, "", 10_000)
        with pytest.raises(StorageFailure, match=words), store.writing() as work:
            work.repositories.page(HOME, "", 10_000)


def test_a_wrong_statement_is_not_a_storage_failure(sqlite_store):
    with pytest.raises(sqlite3.OperationalError, match="syntax error"), sqlite_store.writing() as work:
        work.connection.execute("SELEKT")
