"""``--declared-errors``: fail the session unless its tests have seen every error that the API's model declares."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from tests.support.error_coverage import SEEN_ERRORS, coverage_gaps

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")  # a slow example shows a busy machine, not a fault


def pytest_addoption(parser):
    parser.addoption("--declared-errors", action="store_true", help="fail unless the tests saw every declared error")


def pytest_collection_finish():
    """Exempt what is imported by now from garbage collection: it stays until the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Add the errors that a worker of pytest-xdist has seen."""
    SEEN_ERRORS.update(map(tuple, getattr(node, "workeroutput", {}).get("seen_errors", ())))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seen_errors"] = sorted(SEEN_ERRORS)
    elif session.config.option.declared_errors and coverage_gaps():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if config.option.declared_errors:
        for gap in coverage_gaps():
            terminalreporter.write_line(f"DECLARED ERRORS: {gap}", red=True)
