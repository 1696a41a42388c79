"""News: what each commit of any node tells the others. A node reads them before it handles a request.

A transaction that changes something that nodes remember adds a row. Transactions write one after another, so the
numbers of the rows have no gap and are in the order of the commits. docs/decisions/0041-news-of-other-nodes.md
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import NamedTuple

import psycopg
from psycopg.pq import ExecStatus

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.postgres.schema import READ_VERSION, SCHEMA, reason_against
from ecr_emulator.storage.postgres.server import failures, open_connection
from ecr_emulator.storage.postgres.watchdog import ServerConnection
from ecr_emulator.storage.tables import instant_of
from ecr_emulator.storage.watches import Changes

KEPT = 1_000
"""Minimum number of rows that are kept. A node that has missed more takes everything for changed."""

_ADD = """
INSERT INTO news (number, repositories, next_due, topics)
SELECT
    number + 1,
    %(repositories)s,
    CASE WHEN %(tasks_changed)s THEN (SELECT min(due_at) FROM tasks) ELSE next_due END,
    %(topics)s
FROM news ORDER BY number DESC LIMIT 1
RETURNING number, next_due
"""
_FORGET = "DELETE FROM news WHERE number <= %(last)s"
_COLUMNS = "SELECT json_build_array(number, repositories, next_due, topics)::text FROM news"
_LATER = f"{_COLUMNS} WHERE number > $1 ORDER BY number".encode()
_NEWEST = f"{_COLUMNS} ORDER BY number DESC LIMIT 1"


class News(NamedTuple):
    """One row. Without ``repositories``, any repository may have changed. ``due_at`` is when the first task is due."""

    number: int
    repositories: Collection[int] | None
    due_at: int | None
    topics: Collection[str]

    @property
    def next_due(self) -> datetime | None:
        """The time at which the first task is due; None if there is no task."""
        return instant_of(self.due_at)


def add(connection: Connection, changes: Changes, *, tasks_changed: bool) -> News:
    """Add the news of a transaction that has the turn to write."""
    repositories = None if changes.in_all else sorted(changes.repositories)
    topics = sorted(changes.topics)
    values = {"repositories": repositories, "tasks_changed": tasks_changed, "topics": topics}
    number, due_at = connection.execute(_ADD, values).fetchone()
    if number % KEPT == 0:
        connection.execute(_FORGET, {"last": number - KEPT})
    return News(number, repositories, due_at, topics)


class SchemaTooNew(StorageFailure):
    """A newer node has migrated the database."""


class _Query:
    """A query that has not begun, or its outcome. ``waiting`` has a held lock for each thread that awaits its end."""

    def __init__(self) -> None:
        self.waiting: list[Lock] = []
        self.failure: StorageFailure | None = StorageFailure("the news of other nodes cannot be read")


class NewsReader:
    """Reads the news of a database on a connection of its own.

    ``tell`` is called with the news since the last call, oldest first. The second argument tells whether some were
    missed, so that everything may have changed; the last of the news is then the only one. ``at_newer_schema`` is
    called with the reason, once, when a newer node has migrated the database; ``catch_up`` fails from then on.
    """

    def __init__(
        self, url: str, tell: Callable[[Sequence[News], bool], None], at_newer_schema: Callable[[str], None]
    ) -> None:
        self._url = url
        self._tell = tell
        self._at_newer_schema = at_newer_schema
        self._joining = Lock()
        self._turn = Lock()
        self._next: _Query | None = None
        self._too_new: SchemaTooNew | None = None
        self._seen: int | None = None
        self._all_changed = False
        self._connection = self._connected()

    def catch_up(self) -> None:
        """Return when everything is told that was committed before this call. Raises ``StorageFailure``.

        One query that begins after several calls serves all of them.
        """
        place: Lock | None = None
        with self._joining:
            query = self._next
            if query:
                place = Lock()
                place.acquire()
                query.waiting.append(place)
            else:
                query = self._next = _Query()
        if place:
            place.acquire()  # until the query has ended
        else:
            self._run(query)
        if query.failure:
            raise type(query.failure)(query.failure.reason)

    def take_all_for_changed(self) -> None:
        """Let the next call tell that news were missed."""
        self._all_changed = True

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._connection.close()

    def _run(self, query: _Query) -> None:
        """Run a query after those before it. Nobody joins it any more once it has begun."""
        try:
            with self._turn:
                with self._joining:
                    self._next = None
                query.failure = self._too_new or self._read()
        finally:
            for place in query.waiting:
                place.release()

    def _read(self) -> StorageFailure | None:
        """Tell the news; return the reason if they cannot be read."""
        try:
            with failures():
                self._tell_later_news()
        except StorageFailure as failure:
            if isinstance(failure, SchemaTooNew):
                self._too_new = failure
                self._at_newer_schema(failure.reason)
            return failure
        return None

    def _tell_later_news(self) -> None:
        if self._all_changed:
            self._all_changed, self._seen = False, None
        if not self._connection.closed:
            try:
                news = self._later_news()
            except psycopg.OperationalError:
                self._connection.close()
            else:
                if not any(SCHEMA in each.topics for each in news):
                    self._pass_on(news)
                    return
                self._connection.close()
        self._seen = None  # a server that was restarted may have lost commits that were not synced
        self._connection = self._connected()
        self._pass_on(self._later_news())

    def _pass_on(self, news: Sequence[News]) -> None:
        if not news:
            return
        missed = self._seen is None or news[0].number > self._seen + 1
        self._tell(news[-1:] if missed else news, missed)
        self._seen = news[-1].number

    def _later_news(self) -> list[News]:
        if self._seen is None:
            [(newest,)] = self._connection.execute(_NEWEST).fetchall()
            return [News(*json.loads(newest))]
        # Each request waits for this query: psycopg's own cursor would take longer than the server.
        connection = self._connection
        connection.asked_at = monotonic()
        result = connection.pgconn.exec_prepared(b"news", [str(self._seen).encode()])
        connection.asked_at = None
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
        cells = [result.get_value(row, 0) for row in range(result.ntuples)]
        return [News(*json.loads(cell)) for cell in cells if cell]

    def _connected(self) -> ServerConnection:
        connection = open_connection(self._url, is_prompt=True)
        [(version,)] = connection.execute(READ_VERSION).fetchall()
        reason = reason_against(version)
        if reason:
            connection.close()
            raise SchemaTooNew(reason)
        result = connection.pgconn.prepare(b"news", _LATER)
        if result.status != ExecStatus.COMMAND_OK:
            raise StorageFailure(f"the database cannot be used: {result.error_message.decode(errors='replace')}")
        return connection
