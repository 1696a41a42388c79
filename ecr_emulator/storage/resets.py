"""Deletion of all state, of an account's state, or of its state in one Region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection

from sqlalchemy import bindparam, delete, select

from ecr_emulator.storage.connections import Connection as StatementConnection
from ecr_emulator.storage.images import BLOB
from ecr_emulator.storage.migrations import empty_database
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import image_references, layers, metadata, state

_TABLES = [table for table in reversed(metadata.sorted_tables) if table is not state]


def _deletions(*columns: str) -> list[Statement]:
    """Return the deletions of the rows of one owner, in all tables that have these columns."""
    owned = [table for table in _TABLES if set(columns) <= set(table.c.keys())]
    return [
        Statement(delete(table).where(*(table.c[column] == bindparam(column) for column in columns))) for table in owned
    ]


_ANY_LAYER = Statement(select(layers.c.digest).limit(1))
_ANY_REFERENCE = Statement(select(image_references.c.digest).where(image_references.c.kind == BLOB).limit(1))
_ALL = [Statement(delete(table)) for table in _TABLES]
_ACCOUNT = _deletions("account")
_REGION = _deletions("account", "region")


@contextmanager
def emptied(connection: Connection) -> Iterator[Connection]:
    """Yield an empty database that replaces the whole content of ``connection``.

    It has the same state (the signing key and the like) and gives no key of a row again. Replacing a database takes no
    longer if it is large; deleting a million images takes minutes.
    """
    with empty_database() as database:
        database.executemany(
            "INSERT INTO state (key, value) VALUES (?, ?)", connection.execute("SELECT key, value FROM state")
        )
        database.executemany(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
            connection.execute("SELECT name, seq FROM sqlite_sequence"),
        )
        database.commit()
        yield database


def empty(connection: StatementConnection) -> None:
    """Delete the rows of all tables but the state, and give no key of a row again."""
    for statement in _ALL:
        statement.run(connection)


def has_blobs(connection: StatementConnection) -> bool:
    """Return whether a repository holds a layer or an image refers to a blob."""
    return any(statement.one(connection) is not None for statement in (_ANY_LAYER, _ANY_REFERENCE))


def run(connection: StatementConnection, account: str, region: str | None) -> None:
    """Delete the rows of an account and the content of its repositories, in one Region or in all.

    Findings that users registered belong to no account.
    """
    for statement in _ACCOUNT if region is None else _REGION:
        statement.run(connection, account=account, region=region)
