"""The schema: migrations make it, it equals the declared tables, and an older program refuses to read it."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import create_engine

from ecr_emulator.domain.image import ImageFilter
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.task import Scope, Task
from ecr_emulator.domain.validation_timer import NEVER, Validation
from ecr_emulator.services.import_status import COMPLETE, STARTED, import_status, note_end
from ecr_emulator.storage import migrations
from ecr_emulator.storage.migration_scripts import (
    FIFTH,
    FOURTEENTH,
    MIGRATIONS,
    NINTH,
    SEVENTH,
    SIXTH,
    THIRTEENTH,
    TWELFTH,
)
from ecr_emulator.storage.migrations import DatabaseTooNew, DatabaseUnreadable, migrate
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.tables import metadata
from ecr_emulator.testing.upstream.images import FOREIGN_LAYER, image, layer
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, store_manifest

OTHER = Registry("210987654321", HOME.region)


def shape(path):
    """Return the columns, keys and indexes of all tables of a database."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        tables = {
            name: {
                pragma: sorted(connection.execute(f"PRAGMA {pragma}({name})"))
                for pragma in ("table_xinfo", "foreign_key_list")
            }
            for name in names
        }
        indexes = {
            (name, index[1]): connection.execute(f"PRAGMA index_xinfo('{index[1]}')").fetchall()
            for name in names
            for index in connection.execute(f"PRAGMA index_list({name})")
        }
        rowless = {row[1]: row[4] for row in connection.execute("PRAGMA table_list") if row[1] in names}
        return tables, indexes, rowless


def test_the_migrations_make_the_declared_tables(tmp_path):
    SqlStore(tmp_path / "stepped.sqlite", durable=False).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'declared.sqlite'}")
    metadata.create_all(engine)
    engine.dispose()
    assert shape(tmp_path / "stepped.sqlite") == shape(tmp_path / "declared.sqlite")


def test_a_database_from_a_newer_program_is_refused(database):
    SqlStore(database, durable=False).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(DatabaseTooNew) as refusal:
        SqlStore(database, durable=False)
    said = str(refusal.value)
    assert str(database) in said
    assert f"version {len(MIGRATIONS) + 1}" in said
    assert f"up to {len(MIGRATIONS)}" in said


def test_a_file_that_is_no_database_is_left_alone(database):
    database.write_bytes(b"These are my notes.\n" * 100)
    with pytest.raises(DatabaseUnreadable) as refusal:
        SqlStore(database, durable=True)
    assert str(refusal.value).startswith(f"{database} cannot be read: file is not a database. ")
    assert database.read_bytes() == b"These are my notes.\n" * 100


def test_a_damaged_database_is_not_taken_for_a_new_one(database):
    SqlStore(database, durable=False).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4_096)
    with pytest.raises(DatabaseUnreadable) as refusal:
        SqlStore(database, durable=False)
    assert "malformed" in str(refusal.value)


def test_only_the_missing_migrations_run(database, monkeypatch):
    monkeypatch.setattr(migrations, "MIGRATIONS", ("CREATE TABLE first (n);",))
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        migrate(connection, database)
        monkeypatch.setattr(migrations, "MIGRATIONS", ("CREATE TABLE first (n);", "ALTER TABLE first ADD COLUMN m;"))
        migrate(connection, database)
        migrate(connection, database)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert [row[1] for row in connection.execute("PRAGMA table_info(first)")] == ["n", "m"]


def test_tables_of_another_program_stay(database):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE notes (line)")
        connection.execute("INSERT INTO notes VALUES ('mine')")
    SqlStore(database, durable=False).close()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT line FROM notes").fetchall() == [("mine",)]


def test_a_new_database_equals_an_empty_one_after_all_migrations(database):
    SqlStore(database, durable=False).close()
    with closing(sqlite3.connect(database)) as new, closing(sqlite3.connect(":memory:")) as stepped:
        for script in MIGRATIONS:
            stepped.executescript(script)
        schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
        assert new.execute(schema).fetchall() == stepped.execute(schema).fetchall()
        assert new.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_failed_migration_leaves_no_change(database, monkeypatch):
    monkeypatch.setattr(migrations, "MIGRATIONS", ("CREATE TABLE first (n); INSERT INTO nowhere VALUES (1);",))
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, database)
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA user_version").fetchone() == (0,)


def test_a_migration_adds_the_references_to_foreign_layers(database):
    foreign = layer("foreign", media_type=FOREIGN_LAYER)
    app = image("app", layer("own"), foreign, layer("last"))
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        repository = work.repositories.add(a_repository())
        for each in (app, an_image("plain")):
            store_manifest(work, repository, each.raw)
        work.layers.add(repository, foreign.digest, foreign.size, NOW)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM image_references WHERE digest = ?", (foreign.digest,))
        connection.executescript(FIFTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        assert work.layers.find(repository, foreign.digest).media_type == FOREIGN_LAYER
        assert [work.layers.referenced(repository, each.digest).size for each in app.blobs if each is not foreign] == [
            each.size for each in app.blobs if each is not foreign
        ]


def test_a_migration_marks_unfinished_imports_as_started(database):
    tags = {"from upstream": Validation(NOW), "never seen upstream": Validation(NEVER), "pushed": None}
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        repository = work.repositories.add(a_repository())
        for tag, validation in tags.items():
            store_manifest(work, repository, an_image(tag).raw, tag)
            if validation:
                work.tags.save_validation(repository, tag, validation)
        note_end(work, store_manifest(work, repository, an_image("whole").raw, "whole"), is_complete=True)
        work.tags.save_validation(repository, "whole", Validation(NOW))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(SIXTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        statuses = {tag: import_status(work, work.tags.find(repository, tag)) for tag in (*tags, "whole")}
    assert statuses == {"from upstream": STARTED, "never seen upstream": None, "pushed": None, "whole": COMPLETE}


def test_a_migration_counts_the_images_of_repositories(database):
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        repositories = [work.repositories.add(a_repository(name)) for name in ("full", "empty")]
        for seed in range(3):
            store_manifest(work, repositories[0], an_image(seed).raw)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE repositories DROP COLUMN image_count")
        connection.executescript(SEVENTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        assert [work.images.count(repository) for repository in repositories] == [3, 0]


def test_a_migration_counts_the_repositories_of_registries(database):
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        for name in ("one", "two"):
            work.repositories.add(a_repository(name))
        work.repositories.add(a_repository(registry=OTHER))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE repository_counts")
        connection.executescript(TWELFTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        assert [work.repositories.count(registry) for registry in (HOME, OTHER)] == [2, 1]


def test_a_migration_knows_which_images_are_tagged(database):
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        repository = work.repositories.add(a_repository())
        tagged, untagged = (store_manifest(work, repository, an_image(seed).raw, *["v1"] * seed) for seed in (1, 0))
    with closing(sqlite3.connect(database)) as connection, connection:
        for trigger in ("images_are_tagged", "images_lose_a_tag", "images_give_a_tag"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DROP INDEX images_by_status")
        connection.execute("ALTER TABLE images DROP COLUMN is_tagged")
        connection.executescript(NINTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        for status, image in (("TAGGED", tagged), ("UNTAGGED", untagged)):
            assert work.images.filtered_page(repository, "", 10, ImageFilter(status)) == [image]


def test_a_migration_keeps_the_results_of_lifecycle_previews(database):
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        repository = work.repositories.add(a_repository())
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE lifecycle_preview_results")
        connection.execute("ALTER TABLE lifecycle_previews ADD COLUMN results JSON")
        row = repository.key, "{}", 0, "COMPLETE", '[{"imageDigest": "one"}, {"imageDigest": "two"}]'
        connection.execute("INSERT INTO lifecycle_previews VALUES (?, ?, ?, ?, ?)", row)
        connection.executescript(FOURTEENTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        preview = work.lifecycle_previews.find(repository)
    assert [result["imageDigest"] for result in preview.results] == ["one", "two"]


def test_a_migration_finds_the_repositories_of_tasks(database):
    task = Task("a", "replicate", NOW, {"account": HOME.id, "region": HOME.region, "repository": "team/app"})
    with closing(SqlStore(database, durable=False)) as store, store.writing() as work:
        work.tasks.add(task)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP INDEX tasks_by_repository")
        for column in ("account", "region", "repository", "to_account", "to_region"):
            connection.execute(f"ALTER TABLE tasks DROP COLUMN {column}")
        connection.executescript(THIRTEENTH)
    with closing(SqlStore(database, durable=False)) as store, store.reading() as work:
        assert work.tasks.due_in(Scope(HOME, "team/app"), NOW) == task
        assert work.tasks.due_in(Scope(HOME, "team/other"), NOW) is None
