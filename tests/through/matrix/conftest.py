from contextlib import ExitStack

import pytest

from tests.through.matrix.world import world


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A world at the beginning of a phase, for cells that need a story of their own."""
    with ExitStack() as worlds:

        def at(phase, **more):
            here = worlds.enter_context(world(phase, tmp_path, monkeypatch, **more))
            here.arrange()
            return here

        yield at
