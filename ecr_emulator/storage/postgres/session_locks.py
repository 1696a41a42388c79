"""Locks of one node that end with its connection, so that other nodes need not wait for a node that has died."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from threading import Lock
from time import monotonic, sleep

import psycopg

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import BUSY_TIMEOUT
from ecr_emulator.storage.disk import LOCKED
from ecr_emulator.storage.postgres.server import failures, open_connection

SHORTEST_PAUSE = 0.002
"""Seconds between the first two attempts to take a lock; each later pause is twice as long."""
LONGEST_PAUSE = 0.1
"""Maximum seconds between two attempts."""

_BEGIN = f"SET lock_timeout = {int(BUSY_TIMEOUT * 1000)}"
_STAY = "SET idle_session_timeout = 0"
_SINCE = 14_00_00
"""The first version of the server that ends idle sessions if it is told to."""
_TAKE_AGAIN = "SELECT pg_advisory_lock_shared(key) FROM unnest(%s::bigint[]) AS key"
_TRY_SHARED = "SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock_shared(key)"
_TRY_EXCLUSIVE = "SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key)"
_RELEASE_SHARED = "SELECT pg_advisory_unlock_shared(key) FROM unnest(%s::bigint[]) AS key"
_RELEASE_EXCLUSIVE = "SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) AS key"
_HELD = """
SELECT key FROM (
    SELECT (classid::bigint << 32) | objid::bigint AS key FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS held WHERE key = ANY(%s::bigint[])
"""
_ASK = "SELECT key FROM unnest(%s::bigint[]) AS key"


class SessionLocks:
    """Shared and exclusive locks by name, for all threads of a node, on a connection that serves nothing else.

    A name is locked by any number of holders that share it, on any nodes, or by one exclusive holder. No holder is
    special: a thread does not get an exclusive lock on a name that it shares. Nothing waits on the connection, so one
    thread that waits does not delay others.

    When the server or the network ends the connection, all locks are lost. The next call connects again and takes
    those again that are free; ``is_unbroken`` then returns False for them. ``epoch`` is the number of lost connections.
    """

    def __init__(self, url: str) -> None:
        self.epoch = 0
        self._is_closed = False
        self._url = url
        self._lock = Lock()
        self._holders: dict[int, int] = {}  # the number of threads that share a lock, by key
        self._taken_in: dict[int, int] = {}  # the epoch in which each lock was taken, shared or exclusive
        self._connection = self._connect()
        with failures():
            [(self._schema,)] = self._connection.execute("SELECT current_schema()").fetchall()

    def take_shared(self, name: str) -> None:
        """Share a lock until ``release_shared``. Raises ``StorageFailure`` if it is held exclusively for too long."""
        if not _try_for(BUSY_TIMEOUT, lambda: self._try_shared(self._key(name))):
            raise StorageFailure(LOCKED)

    def release_shared(self, name: str) -> None:
        """End one hold of a shared lock. Does not raise: a lost connection has released it already."""
        key = self._key(name)
        with self._lock:
            self._holders[key] -= 1
            if not self._holders[key]:
                del self._holders[key], self._taken_in[key]
                self._release(_RELEASE_SHARED, [key])

    def try_exclusive(self, name: str, patience: float = 0.0) -> bool:
        """Take a lock exclusively, until ``release_exclusive``. Return False if it is held for so many seconds."""
        return _try_for(patience, lambda: bool(self.try_each([name])))

    def try_each(self, names: Iterable[str]) -> set[str]:
        """Take those locks that nobody holds, exclusively until ``release_exclusive``, and return their names."""
        wanted = {self._key(name): name for name in names}
        return {wanted[key] for key in self._take_exclusive(list(wanted))}

    def release_exclusive(self, *names: str) -> None:
        """Release exclusive locks. Does not raise: a lost connection has released them already."""
        self._release_exclusive([self._key(name) for name in names])

    @contextmanager
    def exclusively(self, names: Iterable[str]) -> Iterator[set[str]]:
        """Take those locks that nobody holds, exclusively while the block runs, and yield their names."""
        taken = self.try_each(names)
        try:
            yield taken
        finally:
            self.release_exclusive(*taken)

    def held(self, names: Iterable[str]) -> set[str]:
        """Return those of the names on which any node has a lock, in any way."""
        wanted = {self._key(name): name for name in names}
        with self._lock:
            return {wanted[key] for key in self._ask(_HELD, list(wanted))} if wanted else set()

    def is_unbroken(self, name: str) -> bool:
        """Return whether a lock of this node has been held all the time since it was taken. Asks the server."""
        key = self._key(name)
        with self._lock:
            self._ask(_ASK, [key])
            return self._taken_in.get(key) == self.epoch

    def close(self) -> None:
        """Release all locks. The end of the connection alone would do so a moment later. No lock is taken after it."""
        with self._lock:
            self._is_closed = True
            with suppress(psycopg.OperationalError, psycopg.InterfaceError):
                self._connection.execute("SELECT pg_advisory_unlock_all()")
            self._connection.close()

    def _key(self, name: str) -> int:
        """Return the number of a lock. Locks are common to all schemas of a database, so the schema is part of it."""
        hashed = blake2b(f"{self._schema}\0{name}".encode(), digest_size=8)
        return int.from_bytes(hashed.digest(), "big", signed=True)

    def _try_shared(self, key: int) -> bool:
        with self._lock:
            if key in self._holders:
                self._holders[key] += 1
                return True
            if key in self._taken_in or not self._ask(_TRY_SHARED, [key]):
                return False
            self._holders[key], self._taken_in[key] = 1, self.epoch
            return True

    def _take_exclusive(self, keys: list[int]) -> list[int]:
        with self._lock:
            free = [key for key in keys if key not in self._taken_in]
            taken = self._ask(_TRY_EXCLUSIVE, free) if free else []
            self._taken_in |= dict.fromkeys(taken, self.epoch)
            return taken

    def _release_exclusive(self, keys: list[int]) -> None:
        with self._lock:
            taken = [key for key in keys if self._taken_in.pop(key, None) is not None]
            if taken:
                self._release(_RELEASE_EXCLUSIVE, taken)

    def _ask(self, query: str, keys: list[int]) -> list[int]:
        """Return the keys that a query finds. Raises ``StorageFailure`` if the server cannot be reached."""
        with failures():
            if not self._connection.closed:
                with suppress(psycopg.OperationalError, psycopg.InterfaceError):
                    return self._run(query, keys)
                if not self._connection.closed:  # the server has refused the query, and would do so again
                    return self._run(query, keys)
            if self._is_closed:  # a thread that outlives the node must not connect again
                raise StorageFailure("the locks of this node are closed")
            self._connect_again()
            return self._run(query, keys)

    def _run(self, query: str, keys: list[int]) -> list[int]:
        return [key for (key,) in self._connection.execute(query, (keys,))]

    def _release(self, query: str, keys: list[int]) -> None:
        with suppress(psycopg.OperationalError, psycopg.InterfaceError):
            self._connection.execute(query, (keys,))

    def _connect(self) -> psycopg.Connection:
        connection = open_connection(self._url)
        with failures():
            connection.execute(_BEGIN)
            if connection.info.server_version >= _SINCE:
                connection.execute(_STAY)
        return connection

    def _connect_again(self) -> None:
        """Connect after the connection was lost, and take the locks again, but those that others have by now."""
        self._connection.close()
        self._connection = self._connect()
        self.epoch += 1
        exclusive = [key for key in self._taken_in if key not in self._holders]
        try:
            self._connection.execute(_TAKE_AGAIN, (list(self._holders),))
            self._run(_TRY_EXCLUSIVE, exclusive)
        except BaseException:
            self._connection.close()  # the next call tries again
            raise


def _try_for(seconds: float, attempt: Callable[[], bool]) -> bool:
    """Repeat an attempt, after longer and longer pauses, until it succeeds. Return False if it does not in time."""
    last_try, pause = monotonic() + seconds, SHORTEST_PAUSE
    while not attempt():
        if monotonic() >= last_try:
            return False
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return True
