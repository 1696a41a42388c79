"""Connections to the server, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import ConstraintViolation
from ecr_emulator.storage.disk import LOCKED
from ecr_emulator.storage.postgres.watchdog import ServerConnection, Watchdog

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server when a connection is made."""
KEEPALIVE: Mapping[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
}
"""Settings of libpq that end a connection when the other side has been out of reach for 11 seconds."""
SILENT = f"it has not answered for {CONNECT_TIMEOUT} seconds"
PAUSE = 1.0
"""Seconds for which no thread waits for a server that another one has just given up. Many may stand in line."""
_KEEPALIVE_OF_SERVER = """
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 11000
"""
"""The same for the server: it must not keep the locks of a node that is out of reach."""


@contextmanager
def failures() -> Iterator[None]:
    """Turn errors of the server, of its disk and of the network into ``StorageFailure``."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise StorageFailure(LOCKED) from error
    except psycopg.IntegrityError as error:
        raise ConstraintViolation(str(error), of_key=isinstance(error, psycopg.errors.UniqueViolation)) from error
    except psycopg.errors.ConnectionTimeout as error:
        raise StorageFailure(f"the database cannot be used: {SILENT}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StorageFailure(f"the database cannot be used: {first_line(error)}") from error
    except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted) as error:
        raise StorageFailure(f"the database is damaged: {first_line(error)}") from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise StorageFailure(f"the database cannot be written: {first_line(error)}") from error


def open_connection(url: str, *, is_prompt: bool = False) -> ServerConnection:
    """Return a connection in autocommit mode, for any thread. Raises ``StorageFailure``.

    It ends when the server stops answering. ``is_prompt`` promises that all its statements take but a moment.
    """
    _check(url)
    if monotonic() - _silent_at.get(url, -PAUSE) < PAUSE:
        raise StorageFailure(f"the database cannot be used: {SILENT}")
    with failures():
        try:
            connection = ServerConnection.connect(
                url, autocommit=True, connect_timeout=CONNECT_TIMEOUT, application_name="ecr-emulator", **KEEPALIVE
            )
        except psycopg.errors.ConnectionTimeout:
            _silent_at[url] = monotonic()
            raise
        _silent_at.pop(url, None)
        connection.watch(_watchdog, url)
        connection.execute(_KEEPALIVE_OF_SERVER)
        connection.adapters.register_loader("json", TextLoader)  # statements read JSON themselves
        connection.is_prompt = is_prompt
        return connection


def _check(url: str) -> None:
    """Raise ``StorageFailure`` for a URI that libpq does not read, for example for an option that it does not know."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        reason, _, text = first_line(error).partition(': "')
        named = f': "{text}' if "query parameter" in reason else ""  # other texts may have the password
        raise StorageFailure(f"the URI of the database cannot be read: {reason}{named}") from None


def _is_alive(url: str) -> bool:
    """Whether a server accepts a connection, or refuses it, within the time that a connection may take."""
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT).close()
    except psycopg.errors.ConnectionTimeout:
        _silent_at[url] = monotonic()
        return False
    except psycopg.Error:
        return True  # the connections of a server that is gone end without help
    return True


_silent_at: dict[str, float] = {}
"""The time at which a server was last given up, by URL."""
_watchdog = Watchdog(_is_alive)


def first_line(error: psycopg.Error) -> str:
    """Return what an error says, without the statement and the hints that follow."""
    return str(error).strip().partition("\n")[0]
