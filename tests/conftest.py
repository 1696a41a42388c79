"""``--declared-errors``: the session fails unless its tests have provoked every error that the API's model declares."""

from __future__ import annotations

import gc

import pytest

from tests.support.provoked import PROVOKED, complaints


def pytest_addoption(parser):
    parser.addoption("--declared-errors", action="store_true", help="fail unless every declared error was provoked")


def pytest_collection_finish():
    """What has been imported by now stays: the garbage collector need not go through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a worker of pytest-xdist has seen."""
    PROVOKED.update(map(tuple, getattr(node, "workeroutput", {}).get("provoked", ())))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["provoked"] = sorted(PROVOKED)
    elif session.config.option.declared_errors and complaints():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if config.option.declared_errors:
        for complaint in complaints():
            terminalreporter.write_line(f"DECLARED ERRORS: {complaint}", red=True)
