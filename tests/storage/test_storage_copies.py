"""Copies of all rows between SQLite and PostgreSQL: every value arrives, and a wrong one is named."""

import sqlite3
from contextlib import closing

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.copies import replace_rows
from ecr_emulator.storage.migrations import empty_database
from ecr_emulator.storage.rows import RowRefused, SqliteRows
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.tables import metadata
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, rows, store_manifest

pytest.importorskip("psycopg")
from ecr_emulator.storage.postgres import table_rows
from ecr_emulator.storage.postgres.store import PostgresStore

pytestmark = pytest.mark.journey

ODD = "tab\t newline\n return\r backslash \\N \\x41 quote \" ' and \N{SNOWMAN} \N{PILE OF POO} \x7f\x01 NULL"
LARGE = {"z": "last key first", "a": [None, True, 1.5, 2**53, ODD, {"": "\0"}], "filler": "x" * 3_000_000}


@pytest.fixture
def sqlite(tmp_path):
    with closing(SqlStore(tmp_path / "ecr.sqlite", durable=False)) as store:
        with store.writing() as work:
            repository = work.repositories.add(a_repository())
            for number in range(5):
                image = store_manifest(work, repository, an_image(number).raw, f"v{number}")
                work.layers.add(repository, image.digest, 1 << 40, NOW)
        yield store


@pytest.fixture
def postgres(databases):
    with closing(PostgresStore(databases(), durable=False)) as store:
        yield store


def copy(source, target):
    with source.reading() as before, target.writing() as after:
        replace_rows(before.connection.rows(), after.connection)


def change(store, sql, *values):
    with store.paused() as connection:
        connection.execute(sql, values)


def asked(store, sql):
    with store.reading() as work:
        return [tuple(row) for row in work.connection.execute(sql, {})]


def test_every_value_arrives_and_comes_back_as_it_was(sqlite, postgres, tmp_path):
    with sqlite.writing() as work:
        work.registry_documents.put(HOME, "odd", LARGE)
    change(sqlite, "UPDATE repositories SET policy = ?, lifecycle_policy = ''", ODD)
    change(sqlite, "UPDATE manifests SET raw = ?", bytes(range(256)) * 4)
    change(sqlite, "UPDATE manifests SET raw = x'' WHERE digest = (SELECT min(digest) FROM manifests)")
    copy(sqlite, postgres)
    with closing(SqlStore(tmp_path / "back.sqlite", durable=False)) as back:
        copy(postgres, back)
    sqlite.close()
    of_state = {row for row in rows(tmp_path / "ecr.sqlite") ^ rows(tmp_path / "back.sqlite") if row[0] == "state"}
    assert rows(tmp_path / "ecr.sqlite") ^ rows(tmp_path / "back.sqlite") == of_state


def test_the_copy_in_sqlite_has_the_indexes_and_triggers_of_a_new_database(sqlite, postgres, tmp_path):
    copy(sqlite, postgres)
    with closing(SqlStore(tmp_path / "back.sqlite", durable=False)) as back:
        copy(postgres, back)
    schema = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"
    with closing(sqlite3.connect(tmp_path / "back.sqlite")) as copied, empty_database() as new:
        assert copied.execute(schema).fetchall() == new.execute(schema).fetchall()


def test_the_triggers_of_postgres_count_again_after_a_copy(sqlite, postgres):
    copy(sqlite, postgres)
    assert asked(postgres, "SELECT layer_bytes FROM repositories") == [(5 << 40,)]
    with postgres.writing() as work:
        repository = work.repositories.get(HOME, "team/app")
        work.layers.add(repository, f"sha256:{'1' * 64}", 7, NOW)
        store_manifest(work, repository, an_image(9).raw, "v9")
    assert asked(postgres, "SELECT layer_bytes FROM repositories") == [((5 << 40) + 7,)]
    assert asked(postgres, "SELECT count(*) FROM images WHERE is_tagged") == [(6,)]


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_copy_that_is_interrupted_within_a_batch_leaves_nothing_and_can_be_repeated(
    sqlite, postgres, at, monkeypatch
):
    monkeypatch.setattr(table_rows, "BATCH", 2)
    real = SqliteRows._rows

    def interrupted(self, table):
        for number, row in enumerate(real(self, table), 1):
            yield row
            if table.name == "tags" and number == at:
                raise KeyboardInterrupt

    before = row_counts(postgres)
    with monkeypatch.context() as broken:
        broken.setattr(SqliteRows, "_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            copy(sqlite, postgres)
    assert row_counts(postgres) == before
    copy(sqlite, postgres)
    assert row_counts(postgres) == row_counts(sqlite) | {"state": before["state"]}


@pytest.mark.parametrize("batch", [2, 10_000])
@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("UPDATE tags SET tag = 'v3' || char(0) WHERE tag = 'v3'", r"tags .* tag 'v3\\x00' .* refused: .*0x00"),
        ("UPDATE tags SET tag = CAST(x'76ff' AS TEXT) WHERE tag = 'v3'", r"tags .* tag 'v\\udcff' .* not in UTF-8"),
        ("UPDATE images SET pushed_at = 'soon' WHERE id = 4", r"images with id 4 .* its pushed_at is 'soon'"),
        ("UPDATE images SET media_type = x'00' WHERE id = 4", r"images with id 4 .* its media_type is b'\\x00'"),
        ("UPDATE manifests SET raw = 'text'", r"manifests with digest 'sha256:\w+' .* its raw is 'text', .* not bytes"),
        ("UPDATE repositories SET resource_tags = '{'", r"repositories with id 1 .* its resource_tags .* json"),
    ],
)
def test_what_postgres_refuses_is_named_and_nothing_is_lost(sqlite, postgres, sql, reason, batch, monkeypatch):
    monkeypatch.setattr(table_rows, "BATCH", batch)
    before = row_counts(postgres)
    change(sqlite, sql)
    with pytest.raises(RowRefused, match=reason):
        copy(sqlite, postgres)
    assert row_counts(postgres) == before
    assert row_counts(sqlite)["tags"] == 5


def test_a_reference_to_nothing_is_named(sqlite, postgres):
    change(sqlite, "PRAGMA foreign_keys = OFF")
    change(sqlite, "DELETE FROM images WHERE id = 4")
    change(sqlite, "INSERT INTO tags VALUES (1, 'v9', 4, 0)")
    with pytest.raises(StorageFailure, match=r"image_references cannot be copied: .*\(image_id\)=\(4\) is not present"):
        copy(sqlite, postgres)


def test_large_tables_have_statistics_after_a_copy(sqlite, postgres, monkeypatch):
    monkeypatch.setattr(table_rows, "MANY", 5)
    copy(sqlite, postgres)
    analyzed = {
        name for (name,) in asked(postgres, "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema")
    }
    counts = row_counts(sqlite)
    assert analyzed & {*metadata.tables} == {name for name, number in counts.items() if number >= 5}
