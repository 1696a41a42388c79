"""Deletion of all state, of an account's state, or of its state in one Region."""

from __future__ import annotations

from sqlite3 import Connection

from sqlalchemy import ColumnElement, Table, bindparam, delete

from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import metadata, state, tasks

_TABLES = [table for table in reversed(metadata.sorted_tables) if table is not state]


def _owner(table: Table, column: str) -> ColumnElement[str]:
    """Return the expression for the account or the Region of a row."""
    found: ColumnElement[str] = tasks.c.arguments[column].as_string() if table is tasks else table.c[column]
    return found


def _deletions(*columns: str) -> list[Statement]:
    """Return the deletions of the rows of one owner, in all tables that have these columns."""
    owned = [table for table in _TABLES if table is tasks or set(columns) <= set(table.c.keys())]
    return [
        Statement(delete(table).where(*(_owner(table, column) == bindparam(column) for column in columns)))
        for table in owned
    ]


_EVERYTHING = _deletions()
_ACCOUNT = _deletions("account")
_REGION = _deletions("account", "region")


def run(connection: Connection, account: str | None, region: str | None) -> None:
    """Delete the rows and the content of repositories. Findings that users registered belong to no account."""
    of_account = _ACCOUNT if region is None else _REGION
    for statement in of_account if account else _EVERYTHING:
        statement.run(connection, account=account, region=region)
