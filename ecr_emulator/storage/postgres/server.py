"""Connections to the server, and what its errors mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import ConstraintViolation
from ecr_emulator.storage.disk import LOCKED

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server when a connection is made."""
KEEPALIVE: Mapping[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 11_000,
}
"""Settings of libpq that end a connection when the other side has been out of reach for 11 seconds."""
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
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StorageFailure(f"the database cannot be used: {_first_line(error)}") from error
    except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted) as error:
        raise StorageFailure(f"the database is damaged: {_first_line(error)}") from error
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise StorageFailure(f"the database cannot be written: {_first_line(error)}") from error


def open_connection(url: str) -> psycopg.Connection:
    """Return a connection in autocommit mode, for any thread. Raises ``StorageFailure``."""
    with failures():
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_TIMEOUT, application_name="ecr-emulator", **KEEPALIVE
        )
        connection.execute(_KEEPALIVE_OF_SERVER)
        connection.adapters.register_loader("json", TextLoader)  # statements read JSON themselves
        return connection


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().partition("\n")[0]
