"""A server of PostgreSQL that is stopped, as a frozen machine is: connections to it end, and requests fail in time."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from time import monotonic

import psycopg
import pytest
from werkzeug.test import Client

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres import server, watchdog
from ecr_emulator.storage.postgres.server import open_connection
from ecr_emulator.storage.postgres.shared_store import SharedPostgresStore
from ecr_emulator.storage.postgres.store import PostgresStore
from tests.support.programs import until
from tests.support.storage import HOME, a_repository

pytestmark = pytest.mark.journey
SILENT = "the database cannot be used: it has not answered for"
WAIT = 30


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(watchdog, "LIMIT", 0.2)
    monkeypatch.setattr(server, "CONNECT_TIMEOUT", 2)  # libpq takes no less
    monkeypatch.setattr(server, "PAUSE", 0.0)
    monkeypatch.setattr(server, "_silent_at", {})


@pytest.fixture
def uri(databases):
    return databases()


@contextmanager
def stopped(*processes):
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            with suppress(ProcessLookupError):  # it had ended already, and its parent did not know while it was stopped
                os.kill(each, signal.SIGCONT)


def backend(connection):
    return connection.info.backend_pid


def test_news_of_a_stopped_session_are_read_on_another_connection(uri):
    with closing(SharedPostgresStore(uri, durable=False)) as store, ThreadPoolExecutor() as threads:
        before = backend(store._reader._connection)
        with stopped(before):
            threads.submit(store.catch_up).result(WAIT)
        assert backend(store._reader._connection) != before


def test_requests_to_a_node_fail_while_the_server_is_stopped(postgres, start_nodes):
    http = Client(start_nodes().emulators[0].wsgi)
    assert http.get("/v2/").status_code == 200
    with ThreadPoolExecutor() as threads, stopped(*postgres.processes()):
        refused = threads.submit(http.get, "/v2/").result(WAIT)
        assert http.get("/_ecr/health").status_code == 200
    assert refused.status_code == 503
    assert refused.json["errors"][0]["message"].startswith(SILENT)
    assert refused.headers["Retry-After"] == "5"
    assert http.get("/v2/").status_code == 200


@pytest.mark.parametrize("kind", ["reading", "writing"])
def test_a_statement_that_runs_when_the_server_stops_fails(postgres, uri, kind):
    def work():
        with getattr(store, kind)() as work:
            work.repositories.page(HOME, "", 10)
            with stopped(*postgres.processes()):
                work.repositories.page(HOME, "", 10)

    with closing(PostgresStore(uri, durable=False)) as store, ThreadPoolExecutor() as threads:
        with pytest.raises(StorageFailure, match=SILENT):
            threads.submit(work).result(WAIT)
        with store.writing() as again:
            again.repositories.add(a_repository())


def test_idle_connections_end_with_the_one_that_waits(postgres, uri):
    with closing(open_connection(uri)) as idle, closing(open_connection(uri)) as asked, ThreadPoolExecutor() as threads:
        with stopped(*postgres.processes()), pytest.raises(psycopg.OperationalError, match="has not answered"):
            threads.submit(asked.execute, "SELECT 1").result(WAIT)
        assert idle.is_given_up


def test_a_long_statement_of_a_server_that_answers_goes_on(uri):
    with closing(open_connection(uri)) as connection:
        connection.execute("SELECT pg_sleep(1)")
        assert not connection.is_given_up


def test_threads_that_waited_in_line_for_a_silent_server_do_not_wait_again(postgres, uri, monkeypatch):
    monkeypatch.setattr(server, "PAUSE", 60.0)
    began = monotonic()
    with ThreadPoolExecutor() as threads, stopped(*postgres.processes()):
        for _ in range(6):
            with pytest.raises(StorageFailure, match=SILENT):
                threads.submit(open_connection, uri).result(WAIT)
    assert monotonic() - began < 5 * server.CONNECT_TIMEOUT
    monkeypatch.setattr(server, "PAUSE", 0.0)
    open_connection(uri).close()


def test_the_watchdog_ends_with_the_last_connection(uri):
    open_connection(uri).close()
    until(lambda: server._watchdog._thread is None)
    with closing(open_connection(uri)):
        assert server._watchdog._thread.is_alive()
    until(lambda: server._watchdog._thread is None)
