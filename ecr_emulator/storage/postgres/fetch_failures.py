"""The failures of fetches, for nodes that waited for the fetch of another node."""

from __future__ import annotations

from ecr_emulator.ports.shared_fetches import SharedFailure
from ecr_emulator.ports.upstream_failures import failure_of_kind
from ecr_emulator.storage.units import Units

_FIND = "SELECT id, kind, reason, retry_after FROM fetch_failures WHERE name = %(name)s"
_FORGET = "DELETE FROM fetch_failures WHERE failed_at < now() - interval '1 hour'"
_SAVE = """
INSERT INTO fetch_failures (name, id, kind, reason, retry_after)
VALUES (%(name)s, %(id)s, %(kind)s, %(reason)s, %(retry_after)s)
ON CONFLICT (name) DO UPDATE SET
    id = excluded.id, kind = excluded.kind, reason = excluded.reason, retry_after = excluded.retry_after,
    failed_at = excluded.failed_at
"""


class FetchFailures:
    """``ports.shared_fetches.FetchFailures`` in the database that nodes share."""

    def __init__(self, store: Units) -> None:
        self._store = store

    def find(self, name: str) -> SharedFailure | None:
        with self._store.reading() as work:
            row = work.connection.execute(_FIND, {"name": name}).fetchone()
        if row is None:
            return None
        key, kind, reason, retry_after = row
        return SharedFailure(key, failure_of_kind(kind, reason, retry_after))

    def save(self, name: str, shared: SharedFailure) -> None:
        failure = shared.failure
        row = {"name": name, "id": shared.id, "kind": type(failure).__name__, "reason": failure.reason}
        with self._store.writing(waits=False) as work:
            work.connection.execute(_FORGET, {})
            work.connection.execute(_SAVE, row | {"retry_after": failure.retry_after})
