"""Watches: each tells whether a repository has changed since somebody read it.

Remembered answers rest on them (``ecr_emulator.remembered_answers``). A watch ends before the commit that changes its
repository begins, and nobody gets a new one before that commit has ended. So while a watch is unchanged, an answer from
before it was given is what the database would answer now. The commits of other nodes end watches when this node learns
of them (``storage.postgres.news``).

Only successful pulls are remembered. A new image, tag or layer beside the pulled one does not change them, so pushes of
new tags end no watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from threading import Lock

from sqlalchemy import Delete, Insert, Update

from ecr_emulator.storage import tables

REPOSITORY = "repository_id"
_UNSEEN = {
    tables.events,
    tables.image_documents,
    tables.image_scans,
    tables.known_findings,
    tables.lifecycle_matches,
    tables.lifecycle_preview_results,
    tables.lifecycle_previews,
    tables.replication_backfills,
    tables.repository_counts,
    tables.service_linked_roles,
    tables.state,
    tables.tasks,
    tables.uploads,
}
"""Tables on which no answer to a pull depends. Pulls look at the time of the next task themselves."""


class Watch:
    """``ports.store.Watch``."""

    __slots__ = ("is_unchanged",)

    def __init__(self) -> None:
        self.is_unchanged = True


class Effect(Enum):
    """The effect of a statement that writes on what readers remember.

    ``CHANGE`` may change remembered answers. ``ADDITION`` changes none, but totals over all repositories. ``NONE``
    changes nothing that is remembered.
    """

    CHANGE = auto()
    ADDITION = auto()
    NONE = auto()


class Changes:
    """The repositories whose answers a transaction may change; ``in_all`` if it may be any.

    ``has_additions`` tells that it only changes totals. ``topics`` name other changes that the other nodes on the same
    database must know.
    """

    def __init__(self) -> None:
        self.repositories: set[int] = set()
        self.in_all = False
        self.has_additions = False
        self.topics: set[str] = set()

    def clear(self) -> None:
        """Begin a new transaction."""
        self.repositories.clear()
        self.in_all = self.has_additions = False
        self.topics.clear()

    def __bool__(self) -> bool:
        return self.in_all or self.has_additions or bool(self.repositories)

    def add(self, key: int | None) -> None:
        """Add a repository by its key, or all of them for None."""
        if key is None:
            self.in_all = True
        else:
            self.repositories.add(key)


def effect_of(clause: Insert | Update | Delete) -> Effect:
    """Return the effect of a statement. On new tables, it is a change until they are named above."""
    return Effect.NONE if clause.table in _UNSEEN else Effect.CHANGE


def repository_parameter(clause: Insert | Update | Delete, parameters: set[str]) -> str | None:
    """Return the name of the parameter that holds the key of the one repository that a statement changes, or None."""
    if REPOSITORY in parameters:
        return REPOSITORY
    return "key" if clause.table is tables.repositories and "key" in parameters else None


class Watches:
    """The watches of one database. Safe to use from many threads; one of them commits at a time."""

    def __init__(self) -> None:
        self._of: dict[int, Watch] = {}
        self._lock = Lock()
        self._is_committing = False
        self.commits = 0
        """Number of begins and ends of own commits that changed something, and of commits of other nodes."""

    def watch(self, key: int, since: int) -> Watch | None:
        """Return the watch of a repository; None if a commit has begun or was running since ``commits`` was read."""
        with self._lock:
            if self._is_committing or since != self.commits:
                return None
            return self._of.setdefault(key, Watch())

    def end(self, changes: Changes) -> None:
        """End the watches of repositories that another node has changed."""
        with self._lock:
            self._end(changes)

    @contextmanager
    def ended_by(self, changes: Changes) -> Iterator[None]:
        """End the watches of changed repositories, and give no new ones while the block commits."""
        if not changes:
            yield
            return
        with self._lock:
            self._is_committing = True
            self._end(changes)
        try:
            yield
        finally:
            with self._lock:
                self._is_committing = False
                self.commits += 1

    def _end(self, changes: Changes) -> None:
        self.commits += 1
        for key in list(self._of) if changes.in_all else changes.repositories & self._of.keys():
            self._of.pop(key).is_unchanged = False
