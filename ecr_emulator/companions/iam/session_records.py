"""The sessions of STS as one document of JSON, so that they survive a restart until they expire."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ecr_emulator.companions.iam.lookups import add_session, backends_of
from ecr_emulator.companions.iam.session import Session, SessionAttributes, SessionPolicies
from ecr_emulator.companions.kept_documents import Kept
from ecr_emulator.companions.moto_attributes import Record
from ecr_emulator.ports.time import Clock

VERSION = 1
_TEXTS = ("access_key", "secret", "token", "account", "partition", "arn", "user_id", "owner")


def kept_sessions(clock: Clock) -> Kept:
    """Return the sessions that have not expired by the emulator's clock, as a part of the state to keep."""
    documents = _Documents(clock)
    return Kept("sessions of STS", empty=_as_document([]), text=documents.current, reader=documents.reader)


class _Documents:
    """Writes and reads documents of sessions."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._keys: list[str] = []
        self._text = _as_document([])

    def current(self) -> str:
        """Return the document of all sessions. The last text stays valid for the same keys: sessions never change."""
        now = self._clock.now()
        valid = [session for sts in backends_of("sts") for session in list(sts.sessions.values()) if session.ends > now]
        keys = [session.access_key for session in valid]
        if keys != self._keys:
            self._text, self._keys = _as_document([_record_of(session) for session in valid]), keys
        return self._text

    def reader(self, text: str) -> Callable[[], None]:
        """Return a function that brings back the sessions of a document that have not expired."""
        kept = json.loads(text)
        if kept["version"] != VERSION:
            raise ValueError(f"its version is {kept['version']!r}, not {VERSION}")
        sessions = [_session_of(record) for record in kept["sessions"]]
        return lambda: self._bring_back(sessions)

    def _bring_back(self, sessions: list[Session]) -> None:
        now = self._clock.now()
        for session in sessions:
            if session.ends > now:
                add_session(session)


def _as_document(records: list[Record]) -> str:
    return json.dumps({"version": VERSION, "sessions": records})


def _record_of(session: Session) -> Record:
    return {
        **asdict(session),
        "issued": session.issued.isoformat(),
        "ends": session.ends.isoformat(),
    }


def _session_of(record: Record) -> Session:
    """Return the session of a record. Raises ``ValueError``, ``TypeError`` and ``LookupError`` for what is none."""
    return Session(
        **{name: _text(record, name) for name in _TEXTS},
        issued=datetime.fromisoformat(record["issued"]),
        ends=datetime.fromisoformat(record["ends"]),
        policies=SessionPolicies(record["policies"]["inline"], tuple(record["policies"]["arns"])),
        attributes=SessionAttributes(**record["attributes"]),
    )


def _text(record: Record, name: str) -> Any:
    if not isinstance(record[name], str):
        raise ValueError(f"{name} is {record[name]!r}")
    return record[name]
