from contextlib import ExitStack

import pytest

from tests.pull_through.matrix.scenario import running_scenario


@pytest.fixture
def at(tmp_path, monkeypatch):
    """Start scenarios at the beginning of a phase, for tests of a single cell."""
    with ExitStack() as scenarios:

        def at(phase, **more):
            scenario = scenarios.enter_context(running_scenario(phase, tmp_path, monkeypatch, **more))
            scenario.arrange()
            return scenario

        yield at
