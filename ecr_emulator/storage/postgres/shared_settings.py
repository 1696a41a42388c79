"""Settings that users change while nodes run, such as the clock: stored in the database, and the same on all nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from threading import Lock

from ecr_emulator.ports.nodes import SharedSetting
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.unit_of_work import SqlUnitOfWork

TOPIC = "setting "
"""The beginning of a topic of news; the name of the setting follows."""

_FIND = "SELECT version, document FROM shared_settings WHERE name = %(name)s"
_STORE = """
INSERT INTO shared_settings (name, version, document) VALUES (%(name)s, 1, %(document)s)
ON CONFLICT (name) DO UPDATE SET version = shared_settings.version + 1, document = excluded.document
RETURNING version
"""

Unit = Callable[[], AbstractContextManager[SqlUnitOfWork]]


class SharedSettings:
    """The settings of one node. ``reading`` and ``writing`` open units of its store.

    A thread takes the turn to write before ``_lock``, and never the other way round.
    """

    def __init__(self, reading: Unit, writing: Unit) -> None:
        self._reading = reading
        self._writing = writing
        self._settings: dict[str, SharedSetting] = {}
        self._versions: dict[str, int] = {}
        self._lock = Lock()

    def add(self, name: str, setting: SharedSetting) -> None:
        """Share a setting, which takes over the value that is stored."""
        self._settings[name] = setting
        with self._reading() as work:
            self._load(work.connection, name)
        setting.changing = partial(self._changing, name)

    def load_changed(self, topics: Collection[str], *, missed: bool) -> None:
        """Take over the values of the settings that news name, or of all if news were missed."""
        changed = [name for name in self._settings if missed or f"{TOPIC}{name}" in topics]
        if changed:
            with self._reading() as work:
                for name in changed:
                    self._load(work.connection, name)

    def _load(self, connection: Connection, name: str) -> None:
        found = connection.execute(_FIND, {"name": name}).fetchone()
        if found is None:
            return
        version, document = found
        with self._lock:
            # This node may have changed the setting since the row was read.
            if version > self._versions.get(name, 0):
                self._settings[name].load(json.loads(document))
                self._versions[name] = version

    @contextmanager
    def _changing(self, name: str) -> Iterator[None]:
        """See ``ports.nodes.Changing``. If the change cannot be stored, it is undone."""
        setting = self._settings[name]
        before: str | None = None
        version = 0
        try:
            with self._writing() as work:
                self._load(work.connection, name)
                before = json.dumps(setting.dump())
                yield
                after = json.dumps(setting.dump())
                if after != before:
                    stored = work.connection.execute(_STORE, {"name": name, "document": after}).fetchone()
                    version = stored[0]
                    work.connection.changes.topics.add(f"{TOPIC}{name}")
        except BaseException:
            if before is not None:
                with self._lock:
                    setting.load(json.loads(before))
            raise
        with self._lock:
            self._versions[name] = max(version, self._versions.get(name, 0))
