"""A PostgreSQL server of Debian's packages, on a socket in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from ecr_emulator.storage.postgres.session_locks import SessionLocks
from ecr_emulator.storage.tables import metadata

USER = "postgres"
"""The user of the packages. The server refuses to run as root."""


def find_programs() -> Path | None:
    """Return the folder of the newest installed server's programs; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return found[-1] if found else None


class PostgresServer:
    """A running server."""

    def __init__(self, programs: Path, folder: Path, options: str = "") -> None:
        self.programs = programs
        self._options = options
        self.folder = folder
        self._number = count()
        self._idle: list[str] = []

    @contextmanager
    def databases(self) -> Iterator[Callable[[], str]]:
        """Yield a function that returns the URI of an empty database. After the block, later ones use it again."""
        lent: list[str] = []

        def lend() -> str:
            lent.append(self._idle.pop() if self._idle else self._new_database())
            return lent[-1]

        yield lend
        for uri in lent:
            _empty(uri)
            self._idle.append(uri)

    def _new_database(self) -> str:
        """Create a schema, which costs less than a database, and return the URI of a connection that uses it."""
        name = f"ecr_{next(self._number)}"
        with psycopg.connect(self._uri(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return self._uri(f"&options=-csearch_path%3D{name}")

    def _uri(self, options: str = "") -> str:
        return f"postgresql:///{USER}?host={self.folder}&user={USER}{options}"

    def start(self) -> None:
        """Start the server."""
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c max_connections=300"
            f"{self._options}"
        )
        self.run(
            "pg_ctl", "start", "--wait", "--pgdata", self.data, "--log", f"{self.folder}/log", "--options", options
        )

    def stop(self) -> None:
        """Stop the server and end its connections. No commit is lost."""
        self._stop("fast")

    def crash(self) -> None:
        """Stop the server at once. Commits of the last moment that were not synced may be lost."""
        self._stop("immediate")

    def _stop(self, mode: str) -> None:
        self.run("pg_ctl", "stop", "--wait", "--pgdata", self.data, "--mode", mode)

    def processes(self) -> list[int]:
        """Return the ids of the server's processes, of which each connection has one."""
        main = Path(self.data, "postmaster.pid").read_text(encoding="ascii").splitlines()[0]
        return [int(main), *map(int, Path(f"/proc/{main}/task/{main}/children").read_text(encoding="ascii").split())]

    @property
    def data(self) -> str:
        """The folder of the server's files."""
        return f"{self.folder}/data"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs."""
        user = USER if os.geteuid() == 0 else None
        subprocess.run(
            [self.programs / program, *arguments],
            user=user, check=True, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip


@contextmanager
def running_postgres(programs: Path, options: str = "") -> Iterator[PostgresServer]:
    """Run a server while the block runs, with more options. Its folder has a short path, which sockets need."""
    folder = Path(tempfile.mkdtemp(prefix="ecr-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        server = PostgresServer(programs, folder, options)
        server.run(
            "initdb", "--pgdata", server.data, "--auth", "trust", "--username", USER, "--no-sync", "--data-checksums"
        )
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def end_session(locks: SessionLocks) -> None:
    """Let the server end the connection on which a node has its locks."""
    with psycopg.connect(locks._url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (locks._connection.info.backend_pid,))


def _empty(uri: str) -> None:
    """Delete all rows of a database, and begin its keys anew."""
    tables = reversed(metadata.sorted_tables)
    names = ["shared_settings", "nodes", "companion_documents", "fetch_failures", *(table.name for table in tables)]
    deletions = [f"DELETE FROM {name}" for name in names]
    restarts = [f"ALTER SEQUENCE {name}_id_seq RESTART" for name in ("repositories", "images", "events")]
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("; ".join(deletions + restarts))
