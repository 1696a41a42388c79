"""Test suites of users, run by a pytest of their own in another process."""

from textwrap import dedent

import pytest

PLUGIN = "ecr_emulator.testing.pytest_plugin"


@pytest.fixture
def run_suite(pytester, monkeypatch):
    """Return a function that writes the files of a suite, runs it with warnings as errors, and returns the result."""
    # Named on the command line: where the package is not installed, its plugin would not be found.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(files, *options, plugins=()):
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        named = [option for plugin in (PLUGIN, *plugins) for option in ("-p", plugin)]
        return pytester.runpytest_subprocess("-W", "error", *named, *options)

    return run
