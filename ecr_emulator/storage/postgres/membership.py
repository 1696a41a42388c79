"""The list of the nodes that use a database, for people. Nothing in the emulator depends on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from socket import gethostname
from threading import Event, Thread

from ecr_emulator.ports.nodes import KnownNode
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.postgres.server import failures, open_connection
from ecr_emulator.version import __version__

BEAT = 10.0
"""Seconds between two signs of life of a node."""
FORGOTTEN_AFTER = 3_600
"""Seconds without a sign of life after which a node is removed from the list."""

_SEE = """
INSERT INTO nodes (id, host, process, version, started_at, seen_at) VALUES (%s, %s, %s, %s, now(), now())
ON CONFLICT (id) DO UPDATE SET seen_at = now()
"""
_FORGET = "DELETE FROM nodes WHERE seen_at < now() - make_interval(secs => %s)"
_LEAVE = "DELETE FROM nodes WHERE id = %s"
_LIST = """
SELECT id, host, process, version, started_at, extract(epoch FROM now() - seen_at)::float8, id = %(own_id)s
FROM nodes ORDER BY started_at, id
"""

log = logging.getLogger(__name__)


def list_nodes(connection: Connection, own_id: str) -> list[KnownNode]:
    """Return the nodes of the list, the oldest first."""
    return [KnownNode(*row) for row in connection.execute(_LIST, {"own_id": own_id})]


class Membership:
    """The entry of one node in the list. A thread gives a sign of life from time to time, until ``close``.

    It also calls ``catch_up``, so that a node without requests learns what the others do.
    """

    def __init__(self, url: str, node_id: str, catch_up: Callable[[], None]) -> None:
        self._url = url
        self._catch_up = catch_up
        self._facts = node_id, gethostname(), os.getpid(), __version__
        self._ended = Event()
        self._see()
        self._thread = Thread(target=self._run, name="membership", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Remove the entry."""
        self._ended.set()
        self._thread.join()
        with suppress(StorageFailure), failures(), open_connection(self._url) as connection:
            connection.execute(_LEAVE, self._facts[:1])

    def _run(self) -> None:
        is_seen = True
        while not self._ended.wait(BEAT):
            try:
                self._see()
                self._catch_up()
            except StorageFailure as failure:
                if is_seen:
                    log.warning("this node does not know what other nodes do: %s", failure.reason)
                is_seen = False
            else:
                is_seen = True

    def _see(self) -> None:
        with failures(), open_connection(self._url) as connection:
            connection.execute(_SEE, self._facts)
            connection.execute(_FORGET, (FORGOTTEN_AFTER,))
