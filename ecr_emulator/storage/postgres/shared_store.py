"""The metadata in a PostgreSQL database that other nodes use as well."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from typing import Self

from ecr_emulator.ports.nodes import EVENTS, KnownNode, SharedSetting
from ecr_emulator.storage import times
from ecr_emulator.storage.events import DEFAULT_SIZE
from ecr_emulator.storage.postgres import news
from ecr_emulator.storage.postgres.membership import Membership, list_nodes
from ecr_emulator.storage.postgres.news import News, NewsReader
from ecr_emulator.storage.postgres.shared_settings import SharedSettings
from ecr_emulator.storage.postgres.store import PostgresStore
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork
from ecr_emulator.storage.watches import Changes

log = logging.getLogger(__name__)


class SharedPostgresStore(PostgresStore):
    """One node's store. It tells the other nodes of its commits, and ``catch_up`` learns of theirs.

    No time is marked as the latest one, because other nodes go on to write; so each start searches for the latest time.
    """

    is_shared = True

    def __init__(self, url: str, durable: bool, event_log_size: int = DEFAULT_SIZE) -> None:
        super().__init__(url, durable, event_log_size)
        self._as_of = 0
        self._due_lock = Lock()
        self._id = os.urandom(8).hex()
        self._at_newer_schema: list[Callable[[str], None]] = []
        self._at_news: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._settings = SharedSettings(self.reading, self.writing)
        try:
            with self.writing() as work:
                times.remove_mark(work.connection)
                work.sql_tasks.changed = True  # a store that was not shared has told nobody of its tasks
            self._reader = NewsReader(url, self._learn, self._tell_of_newer_schema)
            self._membership = Membership(url, self._id, self._reader.catch_up)
        except BaseException:
            super().close()
            raise

    @property
    def other_nodes(self) -> Self:
        return self

    def close(self) -> None:
        self._membership.close()
        self._reader.close()
        super().close()

    def catch_up(self) -> None:
        """See ``ports.nodes.OtherNodes``, as for the next methods."""
        self._reader.catch_up()

    def share(self, name: str, setting: SharedSetting) -> None:
        self._settings.add(name, setting)

    def at_news(self, topic: str, listener: Callable[[], None]) -> None:
        self._at_news[topic].append(listener)

    def at_newer_schema(self, listener: Callable[[str], None]) -> None:
        self._at_newer_schema.append(listener)

    def all(self) -> list[KnownNode]:
        with self.reading() as work:
            return list_nodes(work.connection, self._id)

    def now(self) -> datetime:
        with self.reading() as work:
            row = work.connection.execute("SELECT clock_timestamp()", {}).fetchone()
        now: datetime = row[0]
        return now.astimezone(UTC)

    def remember_end(self, now: datetime) -> None:
        self.remember_time(now)

    def _before_commit(self, work: SqlUnitOfWork) -> Callable[[], None] | None:
        changes = work.connection.changes
        if work.sql_events.added:
            changes.topics.add(EVENTS)
        if not (changes or changes.topics or work.sql_tasks.changed):
            return None
        added = news.add(work.connection, changes, tasks_changed=work.sql_tasks.changed)
        return partial(self._note_next_due, added)

    def _after_rollback(self, work: SqlUnitOfWork) -> None:
        if work.connection.changes.topics:  # this node may remember already what was not stored
            self._reader.take_all_for_changed()

    def _note_next_due(self, latest: News) -> None:
        """Take over the time of the next task, unless a later commit is known already."""
        with self._due_lock:
            if latest.number > self._as_of:
                self._as_of = latest.number
                self._set_next_due(latest.next_due)

    def _learn(self, commits: Sequence[News], missed: bool) -> None:
        """Forget what commits of other nodes have changed. Own commits are among them, and do no harm."""
        changes = Changes()
        for each in commits:
            changes.topics.update(each.topics)
            changes.repositories.update(each.repositories or ())
            changes.in_all |= missed or each.repositories is None
        self._watches.end(changes)
        self._settings.load_changed(changes.topics, missed=missed)
        self._note_next_due(commits[-1])
        for topic in self._at_news if missed else changes.topics & self._at_news.keys():
            for listener in self._at_news[topic]:
                listener()

    def _tell_of_newer_schema(self, reason: str) -> None:
        log.error(reason)
        for listener in self._at_newer_schema:
            listener(reason)
