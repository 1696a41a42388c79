"""The store in PostgreSQL: its schema, its connections, and its only user at a time."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.migration_scripts import MIGRATIONS
from ecr_emulator.storage.migrations import DatabaseTooNew
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.storage.tables import metadata
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, store_manifest

psycopg = pytest.importorskip("psycopg")
from ecr_emulator.storage.postgres.ownership import DatabaseInUse  # noqa: E402 - it needs psycopg
from ecr_emulator.storage.postgres.schema import OLDEST, STEPS  # noqa: E402
from ecr_emulator.storage.postgres.store import PostgresStore  # noqa: E402

pytestmark = pytest.mark.journey

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'other'"


@pytest.fixture
def uri(databases):
    return databases()


def names(store, registry):
    with store.reading() as work:
        return [each.name for each in work.repositories.page(registry, "", 10)]


def add_while_it_restarts(store, postgres):
    with store.writing() as work:
        work.repositories.add(a_repository())
        postgres.stop()
        postgres.start()


def test_every_migration_of_sqlite_has_its_step():
    assert sorted(STEPS) == list(range(OLDEST + 1, len(MIGRATIONS) + 1))


def test_what_was_committed_is_there_when_the_store_is_opened_again(uri):
    with closing(PostgresStore(uri, durable=True)) as store:
        key = store.signing_key()
        with store.writing() as work:
            repository = work.repositories.add(a_repository())
    with closing(PostgresStore(uri, durable=True)) as store:
        assert names(store, repository.registry) == ["team/app"]
        assert store.signing_key() == key


def test_the_indexes_have_the_conditions_that_they_have_in_sqlite(uri):
    PostgresStore(uri, durable=False).close()
    with psycopg.connect(uri) as connection:
        found = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND indexdef LIKE '% WHERE %'"
        ).fetchall()
    indexes = [index for table in metadata.tables.values() for index in table.indexes]
    in_sqlite = {(index.name,) for index in indexes if index.kwargs.get("sqlite_where") is not None}
    assert in_sqlite
    assert {*found} == in_sqlite


def test_a_newer_schema_is_refused_and_stays(uri):
    PostgresStore(uri, durable=False).close()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = 999")
        with pytest.raises(DatabaseTooNew, match=r"schema version 999.*Upgrade ecr-emulator"):
            PostgresStore(uri, durable=False)
        connection.execute("UPDATE schema_version SET version = %s", (len(MIGRATIONS),))
    PostgresStore(uri, durable=False).close()


def test_a_second_emulator_is_refused_until_the_first_has_gone(uri):
    with closing(PostgresStore(uri, durable=False)), pytest.raises(DatabaseInUse, match="Another emulator uses"):
        PostgresStore(uri, durable=False)
    PostgresStore(uri, durable=False).close()


def test_a_restart_of_the_server_costs_no_request_after_it(postgres, uri):
    with closing(PostgresStore(uri, durable=True)) as store:
        with store.writing() as work:
            repository = work.repositories.add(a_repository())
        assert names(store, repository.registry) == ["team/app"]
        postgres.stop()
        with pytest.raises(StorageFailure, match="the database cannot be used"), store.writing():
            pass
        with pytest.raises(StorageFailure, match="the database cannot be used"):
            names(store, repository.registry)
        postgres.start()
        assert names(store, repository.registry) == ["team/app"]
        with store.writing() as work:
            work.repositories.remove(repository)
        assert names(store, repository.registry) == []
        with pytest.raises(DatabaseInUse):
            PostgresStore(uri, durable=False)


def test_a_server_that_ends_a_transaction_leaves_nothing_of_it(postgres, uri):
    with closing(PostgresStore(uri, durable=False)) as store:
        with pytest.raises(StorageFailure):
            add_while_it_restarts(store, postgres)
        assert names(store, HOME) == []


def test_damage_is_a_failure_with_a_reason_and_is_found_by_verification(postgres, uri):
    with closing(PostgresStore(uri, durable=True)) as store:
        with store.writing() as work:
            repository = work.repositories.add(a_repository())
        with psycopg.connect(uri, autocommit=True) as connection:
            [(path,)] = connection.execute("SELECT pg_relation_filepath('repositories')")
            connection.execute("CHECKPOINT")
        postgres.stop()
        file = Path(postgres.data, path)
        page = file.read_bytes()
        file.write_bytes(page[:-1] + bytes([page[-1] ^ 1]))
        postgres.start()
        try:
            with pytest.raises(StorageFailure, match="the database is damaged: invalid page"):
                names(store, repository.registry)
            found = wait_for_statistics(store)
        finally:
            postgres.stop()
            file.write_bytes(page)
            postgres.start()
        assert found == ["PostgreSQL has found 1 damaged pages"]


def wait_for_statistics(store):
    """Return the damage that PostgreSQL reports once a session has handed in its statistics."""
    for _ in range(100):
        with store.reading() as work:
            found = work.inventory.integrity_errors()
        if found:
            return found
        time.sleep(0.05)
    return []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("CREATE TABLE images (id integer)", 'relation "images" already exists'),
        ("CREATE TABLE schema_version (installed_rank integer)", 'column "version" does not exist'),
        ("CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA other TO guest", "permission denied for schema other"),
    ],
    ids=["tables", "versions", "permissions"],
)
def test_a_schema_that_is_not_for_the_emulator_is_refused_and_stays_as_it_is(uri, statement, reason):
    user = "guest" if "guest" in statement else "postgres"
    other = f"{uri.partition('&')[0]}&user={user}&options=-csearch_path%3Dother"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA other; SET search_path = other; {statement}")
        before = connection.execute(TABLES).fetchall()
        try:
            with pytest.raises(StorageFailure, match=f"does not take the emulator's tables: {reason}.*of its own"):
                PostgresStore(other, durable=False)
            assert connection.execute(TABLES).fetchall() == before
        finally:
            connection.execute("DROP SCHEMA other CASCADE; DROP ROLE IF EXISTS guest")


def test_a_wrong_address_is_a_failure_with_a_reason():
    with pytest.raises(StorageFailure, match=r"the database cannot be used: .*/nowhere"):
        PostgresStore("postgresql:///ecr?host=/nowhere", durable=False)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("postgresql://host/ecr?sslmod=require", 'invalid URI query parameter: "sslmod"'),
        ("postgresql://user:50%secret@host/ecr", "invalid percent-encoded token"),
        ("postgresql://user:secret@[::1/ecr", 'end of string reached when looking for matching "]"'),
    ],
)
def test_a_uri_that_cannot_be_read_is_a_failure_without_the_password(uri, reason):
    with pytest.raises(StorageFailure) as refused:
        PostgresStore(uri, durable=False)
    assert str(refused.value).startswith(f"the URI of the database cannot be read: {reason}")
    assert "secret" not in str(refused.value)


def test_rows_move_from_sqlite_to_postgres_and_back(uri, tmp_path):
    with (
        closing(SqlStore(tmp_path / "ecr.sqlite", durable=False)) as sqlite,
        closing(PostgresStore(uri, durable=False)) as postgres,
    ):
        with sqlite.writing() as work:
            repository = work.repositories.add(a_repository())
            image = store_manifest(work, repository, an_image().raw, "v1", "v2")
            work.layers.add(repository, image.digest, 1 << 40, NOW)
        identity = postgres.identity()
        with sqlite.paused() as source, postgres.paused() as target:
            postgres.replace(target, source)
        assert postgres.identity() == identity
        assert row_counts(postgres) == row_counts(sqlite) | {"state": 1}  # the identity of the database
        with postgres.reading() as work, sqlite.reading() as before:
            assert work.listings.totals(HOME) == before.listings.totals(HOME)
        with postgres.reading() as work:
            assert work.tags.find(repository, "v1") == image
            assert work.layers.find(repository, image.digest).size == 1 << 40
        with postgres.writing() as work:
            later = work.repositories.add(a_repository("team/later"))
        assert later.key > repository.key


OLD_COUNTS = """
DROP TRIGGER repositories_gain_layers ON layers; DROP TRIGGER repositories_lose_layers ON layers;
DROP FUNCTION repositories_gain_layers, repositories_lose_layers;
CREATE FUNCTION repositories_gain_a_layer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION repositories_lose_a_layer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER repositories_gain_a_layer AFTER INSERT ON layers
FOR EACH ROW EXECUTE FUNCTION repositories_gain_a_layer();
CREATE TRIGGER repositories_lose_a_layer AFTER DELETE ON layers
FOR EACH ROW EXECUTE FUNCTION repositories_lose_a_layer();
"""


@pytest.mark.parametrize("is_migrated", [False, True])
def test_layers_of_several_repositories_are_counted_by_one_statement(uri, is_migrated):
    PostgresStore(uri, durable=False).close()
    if is_migrated:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(OLD_COUNTS)
            connection.execute(STEPS[21])
    with closing(PostgresStore(uri, durable=False)) as store, store.writing() as work:
        for number in (1, 2):
            repository = work.repositories.add(a_repository(f"team/{number}"))
            for size in (1, 10):
                work.layers.add(repository, f"sha256:{size:064x}", size * number, NOW)
        assert layer_bytes(work) == {"team/1": 11, "team/2": 22}
        work.connection.execute("DELETE FROM layers WHERE size < 10", {})
        assert layer_bytes(work) == {"team/1": 10, "team/2": 20}
        work.connection.execute("DELETE FROM layers WHERE size < 0", {})
        assert layer_bytes(work) == {"team/1": 10, "team/2": 20}
        work.repositories.remove(repository)
        assert layer_bytes(work) == {"team/1": 10}


def layer_bytes(work):
    return dict(work.connection.execute("SELECT name, layer_bytes FROM repositories", {}))
