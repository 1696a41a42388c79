"""The disk and the file under a store: full, locked by others, damaged; and what a commit means."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage import ballast, unit_of_work
from ecr_emulator.storage.disk import KEPT
from ecr_emulator.storage.unit_of_work import SqlStore
from tests.support.database_files import damage, write_lock
from tests.support.storage import HOME, a_repository

BALLAST = "ecr.ballast"


def free(monkeypatch, number):
    """Have the disk say that it has this many bytes left."""
    for module in (ballast, unit_of_work):
        monkeypatch.setattr(module, "free_bytes", lambda _folder: number)


# --- What a commit means ----------------------------------------------------------------------------------


OFF, NORMAL, FULL = range(3)


@pytest.mark.parametrize(
    ("durable", "kind", "synchronous"),
    [
        (True, {}, FULL),
        (True, {"frees": True}, FULL),
        (True, {"promised": False}, NORMAL),
        (True, {"waits": False}, NORMAL),
        (False, {}, OFF),
    ],
)
def test_a_commit_that_is_promised_to_somebody_is_synced(database, durable, kind, synchronous):
    with closing(SqlStore(database, durable=durable)) as store:
        for before in ({}, {"promised": False}):
            with store.writing(**before):
                pass
            with store.writing(**kind) as work:
                assert work.connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)


# --- Locks of others --------------------------------------------------------------------------------------


def test_what_can_be_left_out_does_not_wait_for_another_program(store, database):
    with (
        write_lock(database),
        pytest.raises(StorageFailure, match="another program holds the lock"),
        store.writing(waits=False),
    ):
        pass
    with store.writing(waits=False) as work:
        work.repositories.add(a_repository())


def test_what_must_be_written_waits_for_another_program_and_holds_up_nobody(store, database, monkeypatch):
    def add():
        with store.writing() as work:
            work.repositories.add(a_repository())

    looked = []
    monkeypatch.setattr(unit_of_work, "sleep", lambda _seconds: looked.append(True))
    with ThreadPoolExecutor(1) as threads:
        with write_lock(database):
            added = threads.submit(add)
            while not looked:
                pass
            with pytest.raises(StorageFailure, match="another program"), store.writing(waits=False):
                pass
            with store.reading() as work:
                assert work.repositories.count(HOME) == 0
            assert not added.done()
        added.result()
    with store.reading() as work:
        assert work.repositories.count(HOME) == 1


def test_a_program_that_keeps_the_lock_is_named_as_the_reason(store, database, monkeypatch):
    monkeypatch.setattr(unit_of_work, "BUSY_TIMEOUT", 0)
    with write_lock(database), pytest.raises(StorageFailure, match="another program"), store.writing():
        pass


# --- A full disk ------------------------------------------------------------------------------------------


def test_the_last_room_is_left_to_what_makes_more(store, monkeypatch):
    with store.writing() as work:
        repository = work.repositories.add(a_repository())
    free(monkeypatch, KEPT - 1)
    for waits in (True, False):
        with pytest.raises(StorageFailure, match="the disk is full"), store.writing(waits=waits):
            pass
    with store.writing(frees=True) as work:
        work.repositories.remove(repository)
    store.reset()


@pytest.fixture
def lasting(database):
    with closing(SqlStore(database, durable=True)) as store:
        yield store


def test_ballast_is_thrown_off_for_what_makes_room_and_taken_again_afterwards(lasting, database, monkeypatch):
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


def test_a_store_opens_on_a_full_disk_by_its_ballast(database, monkeypatch):
    SqlStore(database, durable=True).close()
    free(monkeypatch, 0)
    SqlStore(database, durable=True).close()
    assert not database.with_name(BALLAST).exists()


# --- Damage -----------------------------------------------------------------------------------------------


def test_damage_is_said_in_the_same_words_whether_it_is_read_or_written(database):
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


def test_a_statement_that_is_wrong_is_no_failure_of_the_storage(store):
    with pytest.raises(sqlite3.OperationalError, match="syntax error"), store.writing() as work:
        work.connection.execute("SELEKT")
