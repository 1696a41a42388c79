"""Ownership of a database, for the life of a process: by one emulator, or by nodes that share their blobs as well."""

from __future__ import annotations

from threading import Lock

import psycopg

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres.server import failures, open_connection

OWNER = 0x656373
"""The first half of the advisory lock; the second is the hash of the schema."""

PATIENCE = 2_000
"""Milliseconds to wait for the lock: the server needs a moment to see that a process has ended."""

_TAKE = f"SET lock_timeout = {PATIENCE}; SELECT {{function}}({OWNER}, hashtext(current_schema()))"
_ALONE, _WITH_NODES = "pg_advisory_lock", "pg_advisory_lock_shared"


class DatabaseInUse(StorageFailure):
    """Another emulator uses the database, and this one or the other keeps its layers for itself."""

    def __init__(self) -> None:
        super().__init__(
            "Another emulator uses the database. Stop it first, or start this one with another database or schema. "
            "Several nodes can use a database if each of them is started with --blobs."
        )


class DatabaseOwnership:
    """Ownership of a database, until ``close`` or the end of the process, a crash included.

    ``shared`` ownership admits others that share it, too. The server forgets it with the connection that took it.
    Raises ``DatabaseInUse``.
    """

    def __init__(self, url: str, *, shared: bool) -> None:
        self._url = url
        self._sql = _TAKE.format(function=_WITH_NODES if shared else _ALONE)
        self._lock = Lock()
        self._connection = self._take()

    def require(self) -> None:
        """Take the database again if the server or the network has ended the connection. Raises ``DatabaseInUse``."""
        with self._lock, failures():
            try:
                self._connection.execute("SELECT 1")
            except psycopg.OperationalError:
                self._connection.close()
                self._connection = self._take()

    def close(self) -> None:
        """Release the database."""
        self._connection.close()

    def _take(self) -> psycopg.Connection:
        connection = open_connection(self._url)
        try:
            connection.execute(self._sql)
        except psycopg.errors.LockNotAvailable:
            connection.close()
            raise DatabaseInUse from None
        return connection
