"""The schema in PostgreSQL: made from ``storage.tables``, and migrated in the steps that SQLite takes, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.schema import CreateIndex, CreateTable

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.migration_scripts import MIGRATIONS
from ecr_emulator.storage.migrations import DatabaseTooNew
from ecr_emulator.storage.postgres.dialect import POSTGRES
from ecr_emulator.storage.postgres.documents import TABLES as DOCUMENTS
from ecr_emulator.storage.postgres.server import first_line
from ecr_emulator.storage.tables import metadata

LOCK = 0x656372_01
"""The advisory lock of a migration."""
WRITER = 0x656372
"""The first half of the advisory lock that a writing transaction holds: one writes at a time, as in SQLite."""
TAKE_TURN = f"SELECT pg_advisory_xact_lock({WRITER}, hashtext(current_schema()))"
"""Waits for the turn to write, which a transaction has until it ends."""

READ_VERSION = "SELECT version FROM schema_version"
SCHEMA = "schema"
"""The topic of news about a migration."""
_TELL = """
INSERT INTO news (number, next_due, topics) SELECT max(number) + 1, (SELECT min(due_at) FROM tasks), ARRAY[%s] FROM news
"""

OLDEST = 14
"""The number of the first schema that was made in PostgreSQL. Every later step is in ``STEPS`` as well."""

NODES = """
CREATE TABLE news (
    number BIGINT PRIMARY KEY,
    repositories BIGINT[],
    next_due BIGINT,
    topics TEXT[] NOT NULL
);
INSERT INTO news VALUES (0, NULL, NULL, '{}');
CREATE TABLE shared_settings (
    name TEXT PRIMARY KEY,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    process INTEGER NOT NULL,
    version TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL
);
"""
"""The tables that only nodes need. SQLite has none of them, and copies leave them out."""

FETCHES = """
CREATE TABLE fetch_failures (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    failed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    retry_after DOUBLE PRECISION
);
"""
"""As ``NODES``, since step 17."""

EVENT_KEYS = """
CREATE FUNCTION next_event_key() RETURNS bigint LANGUAGE sql AS $$
    SELECT greatest((SELECT max(id) FROM events), (SELECT last_value FROM events_id_seq WHERE is_called), 0) + 1
$$;
ALTER TABLE events ALTER COLUMN id SET DEFAULT next_event_key();
"""
"""The key of an event follows that of the event before, as in SQLite.

A sequence would skip the keys of transactions that are rolled back, and readers would take them for missed events. It
would also tell of keys whose events are not committed yet. It has only the greatest key that a reset has deleted.
"""

SCAN_SOURCES = "ALTER TABLE image_scans ADD COLUMN source_updated_at BIGINT"

TOLD_FINDINGS = "ALTER TABLE known_findings ADD COLUMN enhanced_findings JSON"

LAYER_COUNTS = """
CREATE FUNCTION repositories_gain_layers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE repositories SET layer_bytes = layer_bytes + bytes
    FROM (SELECT repository_id, sum(size)::bigint AS bytes FROM added GROUP BY repository_id) AS sums
    WHERE repositories.id = sums.repository_id;
    RETURN NULL;
END $$;
CREATE FUNCTION repositories_lose_layers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE repositories SET layer_bytes = layer_bytes - bytes
    FROM (SELECT repository_id, sum(size)::bigint AS bytes FROM removed GROUP BY repository_id) AS sums
    WHERE repositories.id = sums.repository_id;
    RETURN NULL;
END $$;
CREATE TRIGGER repositories_gain_layers AFTER INSERT ON layers REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION repositories_gain_layers();
CREATE TRIGGER repositories_lose_layers AFTER DELETE ON layers REFERENCING OLD TABLE AS removed
FOR EACH STATEMENT EXECUTE FUNCTION repositories_lose_layers();
"""
"""The triggers that add up the bytes of layers, once for each statement.

A row that one transaction changes again and again is found more slowly each time: PostgreSQL keeps its old versions.
"""

ONCE_FOR_EACH_STATEMENT = f"""
DROP TRIGGER repositories_gain_a_layer ON layers;
DROP TRIGGER repositories_lose_a_layer ON layers;
DROP FUNCTION repositories_gain_a_layer, repositories_lose_a_layer;
{LAYER_COUNTS}
"""

STEPS = {
    15: NODES, 16: DOCUMENTS, 17: FETCHES, 18: EVENT_KEYS, 19: SCAN_SOURCES, 20: TOLD_FINDINGS,
    21: ONCE_FOR_EACH_STATEMENT,
}  # fmt: skip
"""The scripts of the migrations by number. A script that has been released is never changed."""

_TRIGGERS = """
CREATE FUNCTION manifests_go_with_their_last_image() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM manifests
    WHERE digest = OLD.digest AND NOT EXISTS (SELECT 1 FROM images WHERE images.digest = OLD.digest);
    RETURN NULL;
END $$;
CREATE TRIGGER manifests_go_with_their_last_image AFTER DELETE ON images
FOR EACH ROW EXECUTE FUNCTION manifests_go_with_their_last_image();

CREATE FUNCTION images_gain_a_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE images SET is_tagged = true WHERE id = NEW.image_id AND NOT is_tagged;
    RETURN NULL;
END $$;
CREATE FUNCTION images_lose_a_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE images SET is_tagged = false
    WHERE id = OLD.image_id AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.image_id = OLD.image_id);
    RETURN NULL;
END $$;
CREATE TRIGGER images_gain_a_tag AFTER INSERT OR UPDATE OF image_id ON tags
FOR EACH ROW EXECUTE FUNCTION images_gain_a_tag();
CREATE TRIGGER images_lose_a_tag AFTER DELETE OR UPDATE OF image_id ON tags
FOR EACH ROW EXECUTE FUNCTION images_lose_a_tag();
"""


def migrate(connection: psycopg.Connection) -> None:
    """Make the schema, or take the steps that it lacks, in one transaction.

    Of several nodes that start at the same time, one does the work, and no node writes meanwhile. Raises
    ``DatabaseTooNew``, and ``StorageFailure`` if the database has tables of other programs or permits no tables.
    """
    with _refusals(), connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute(TAKE_TURN)
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
        row = connection.execute(READ_VERSION).fetchone()
        if row is None:
            _create(connection)
        else:
            _take_steps(connection, row[0])


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except psycopg.ProgrammingError as error:
        raise StorageFailure(
            f"the database does not take the emulator's tables: {first_line(error)}. It needs a database or schema of "
            "its own, in which its user may create tables"
        ) from error


def _create(connection: psycopg.Connection) -> None:
    for table in metadata.sorted_tables:
        connection.execute(str(CreateTable(table).compile(dialect=POSTGRES)))
        for index in sorted(table.indexes, key=lambda each: each.name or ""):
            # Said here and not in the tables, because SQLAlchemy imports the dialects that a table names.
            index.kwargs["postgresql_where"] = index.kwargs.get("sqlite_where")
            connection.execute(str(CreateIndex(index).compile(dialect=POSTGRES)))
    connection.execute(_TRIGGERS)
    for script in (LAYER_COUNTS, NODES, DOCUMENTS, FETCHES, EVENT_KEYS):
        connection.execute(script)
    connection.execute("INSERT INTO schema_version VALUES (%s)", (len(MIGRATIONS),))


def _take_steps(connection: psycopg.Connection, found: int) -> None:
    reason = reason_against(found)
    if reason:
        raise DatabaseTooNew(reason)
    for number in range(found + 1, len(MIGRATIONS) + 1):
        connection.execute(STEPS[number])
    if found < len(MIGRATIONS):
        connection.execute("UPDATE schema_version SET version = %s", (len(MIGRATIONS),))
        connection.execute(_TELL, (SCHEMA,))


def reason_against(version: int) -> str:
    """Return a sentence if a newer emulator has made the schema, else nothing."""
    if version <= len(MIGRATIONS):
        return ""
    return (
        f"The database has schema version {version}, written by a newer ecr-emulator; this one knows versions up to "
        f"{len(MIGRATIONS)}. Upgrade ecr-emulator, or use another database."
    )
