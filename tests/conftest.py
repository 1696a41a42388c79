"""``--declared-errors``: fail the session unless its tests have seen every error that the API's model declares."""

from __future__ import annotations

import gc
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import settings

from tests.support.error_coverage import SEEN_ERRORS, coverage_gaps
from tests.support.memory_files import keep_temporary_files_in_memory
from tests.support.programs import not_installed

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")  # a slow example shows a busy machine, not a fault

LONGEST_NAME = 20
"""Bytes of a test's argument that are its name."""


def pytest_addoption(parser):
    parser.addoption("--postgres", action="store_true", help="keep the metadata of emulators in PostgreSQL")
    parser.addoption("--s3", action="store_true", help="keep the blobs of emulators in S3")
    parser.addoption("--declared-errors", action="store_true", help="fail unless the tests saw every declared error")


def pytest_configure(config):
    """Keep temporary files in memory, except those of journeys: other programs are particular about file systems."""
    if "not journey" in config.option.markexpr:
        keep_temporary_files_in_memory()


def pytest_ignore_collect(collection_path, config):
    """Leave out the tests of nodes, which take a server and seconds, where journeys are left out, too.

    They run with ``--postgres``, and for those who name them.
    """
    named = any("nodes" in argument for argument in config.args)
    is_wanted = config.option.postgres or named or "not journey" not in config.option.markexpr
    return True if collection_path.name == "nodes" and not is_wanted else None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Pause garbage collection while tests are collected, and exempt what is there from it: it stays until the end.

    Rewritten assertions are many objects and almost no garbage. The searches would take a third of the time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        gc.enable()


def pytest_make_parametrize_id(val, argname):
    """Name long bytes by their argument: compressed ones differ in each process, and workers compare the names."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for the session. Its tests are skipped where it is missing, or fail if CI requires it."""
    from tests.support.postgres import find_programs, running_postgres

    programs = find_programs()
    if programs is None:
        not_installed("PostgreSQL")
    with running_postgres(programs) as server:
        yield server


@pytest.fixture
def databases(postgres):
    """A function that returns the URI of an empty database in PostgreSQL."""
    with postgres.databases() as lend:
        yield lend


@pytest.fixture
def start_nodes(databases, tmp_path):
    """A function that starts nodes on one database, and with blobs in one folder unless ``blobs`` is another place."""
    from tests.support.nodes import running_nodes

    with ExitStack() as stack:
        yield lambda number=2, blobs=tmp_path / "blobs", **settings: stack.enter_context(
            running_nodes(databases(), blobs, number, **settings)
        )


@pytest.fixture(scope="session")
def s3_gateway():
    """A real S3 server for the session. Its tests are skipped where it is missing, or fail if CI requires it."""
    from tests.support.s3 import credentials, find_gateway, running_gateway

    program = find_gateway()
    if program is None:
        not_installed("versitygw")
    with credentials(), running_gateway(program) as server:
        yield server


@pytest.fixture(scope="session")
def moto_s3():
    """moto's S3 in this process."""
    from tests.support.s3 import credentials, running_moto

    with credentials(), running_moto() as server:
        yield server


@pytest.fixture
def s3_server(request):
    """moto's S3, or a real server with ``--s3``."""
    return request.getfixturevalue("s3_gateway" if request.config.option.s3 else "moto_s3")


@pytest.fixture(autouse=True)
def _metadata_in_postgres(request, monkeypatch):
    """With ``--postgres``, keep the metadata of the emulators of this process in PostgreSQL, one database for each."""
    if not request.config.option.postgres:
        yield
        return
    if request.node.get_closest_marker("sqlite"):
        pytest.skip("is about files of SQLite")
    from ecr_emulator import state_parts
    from ecr_emulator.storage.postgres.store import PostgresStore

    open_named_store = state_parts.open_store
    with request.getfixturevalue("postgres").databases() as lend:
        of_folder = defaultdict(lend)

        def open_store(settings, data_dir, durable):
            if settings.database:
                return open_named_store(settings, data_dir, durable)
            return PostgresStore(of_folder[data_dir], durable, settings.event_log_size)

        monkeypatch.setattr(state_parts, "open_store", open_store)
        yield


@pytest.fixture(autouse=True)
def _blobs_in_s3(request, monkeypatch):
    """With ``--s3``, keep the blobs of the emulators of this process in a real S3 server, one prefix for each."""
    if not request.config.option.s3:
        return
    if request.node.get_closest_marker("blob_files"):
        pytest.skip("is about files of blobs")
    from ecr_emulator import blob_parts, state_parts
    from ecr_emulator.storage.blobs.s3_place import read_place

    server = request.getfixturevalue("s3_gateway")
    of_folder = defaultdict(lambda: read_place(server.new_url()))

    def open_blobs(settings, store, data_dir, durable, holds):
        return blob_parts.open_blobs(
            replace(settings, blobs=settings.blobs or of_folder[data_dir]), store, data_dir, durable, holds
        )

    monkeypatch.setattr(state_parts, "open_blobs", open_blobs)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add the errors that a worker of pytest-xdist has seen."""
    SEEN_ERRORS.update(map(tuple, getattr(node, "workeroutput", {}).get("seen_errors", ())))


def pytest_sessionfinish(session):
    gc.collect()
    gc.freeze()  # pytest searches all objects five times more: those that are here now are no garbage
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seen_errors"] = sorted(SEEN_ERRORS)
    elif session.config.option.declared_errors and coverage_gaps():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if config.option.declared_errors:
        for gap in coverage_gaps():
            terminalreporter.write_line(f"DECLARED ERRORS: {gap}", red=True)
