"""Documents of companions in the database, for all nodes that share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from ecr_emulator.ports.companion_documents import RESETS, Document
from ecr_emulator.storage.connections import StoreConnection
from ecr_emulator.storage.units import Units

TABLES = """
CREATE SEQUENCE companion_versions;
CREATE TABLE companion_documents (name text PRIMARY KEY, version bigint NOT NULL, content text);
"""
"""The tables, which copies leave out, as they do with all tables for nodes.

A sequence gives no version twice, even if its transaction is rolled back.
"""

TOPIC = "companions"
"""The topic of commits that change a document."""

_VERSIONS = "SELECT name, version FROM companion_documents"
_NAMES = "SELECT name FROM companion_documents WHERE content IS NOT NULL AND name <> %(not)s ORDER BY name"
_FIND = "SELECT version, content FROM companion_documents WHERE name = %(name)s"
_PUT = """
INSERT INTO companion_documents (name, version, content)
VALUES (%(name)s, nextval('companion_versions'), %(content)s)
ON CONFLICT (name) DO UPDATE SET version = excluded.version, content = excluded.content RETURNING version
"""
_TOUCH = """
INSERT INTO companion_documents (name, version) VALUES (%(name)s, nextval('companion_versions'))
ON CONFLICT (name) DO UPDATE SET version = excluded.version RETURNING version
"""


class PostgresDocuments:
    """``ports.companion_documents.CompanionDocuments``. A change of a document is part of a writing unit of the store.

    One unit writes at a time, of all nodes. So a change that begins with the newest documents overwrites no other.
    """

    are_shared = True

    def __init__(self, store: Units) -> None:
        self._store = store

    def changing(self) -> AbstractContextManager[object]:
        return self._store.joining()

    def versions(self) -> Mapping[str, int]:
        with self._connection() as connection:
            return dict(connection.execute(_VERSIONS, {}))

    def names(self) -> list[str]:
        with self._connection() as connection:
            return [name for (name,) in connection.execute(_NAMES, {"not": RESETS})]

    def find(self, name: str) -> Document:
        with self._connection() as connection:
            found = connection.execute(_FIND, {"name": name}).fetchone()
        return Document(*found) if found else Document(0, None)

    def put(self, name: str, text: str | None) -> int:
        return self._change(_PUT, {"name": name, "content": text})

    def touch(self, name: str) -> int:
        return self._change(_TOUCH, {"name": name})

    def place(self, name: str) -> str:
        return f"The document {name!r} in the table companion_documents of the database"

    def _change(self, statement: str, values: Mapping[str, str | None]) -> int:
        with self._store.joining() as work:
            version: int = work.connection.execute(statement, values).fetchone()[0]
            work.connection.changes.topics.add(TOPIC)
        return version

    @contextmanager
    def _connection(self) -> Iterator[StoreConnection]:
        """Yield the connection of this thread's writing unit, or of a new reading unit."""
        work = self._store.current
        if work:
            yield work.connection
            return
        with self._store.reading() as reading:
            yield reading.connection
