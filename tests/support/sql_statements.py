"""Watch the SQL statements that an emulator runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import pytest

from ecr_emulator.storage import store
from ecr_emulator.storage.connections import WatchedConnection, connect

OF_UNITS = ("BEGIN", "COMMIT", "PRAGMA", "--")
"""The beginnings of statements that begin and end units of work, and of those in triggers."""


class SqlStatements:
    """The statements of all connections that are opened after ``watch``."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Trace the connections of every store that is opened from now on."""

        def traced(*arguments: Any, **options: Any) -> WatchedConnection:
            connection = connect(*arguments, **options)
            connection.set_trace_callback(self._seen.append)
            return connection

        monkeypatch.setattr(store, "connect", traced)

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Yield a list that has the statements of the block at its end.

        SQLite reports a statement again when it runs a trigger; such repetitions are left out.
        """
        before = len(self._seen)
        found: list[str] = []
        yield found
        found += [each for each, _ in groupby(self._seen[before:]) if not each.startswith(OF_UNITS)]
