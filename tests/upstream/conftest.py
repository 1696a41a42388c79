"""An upstream adapter, and scripted upstreams for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.upstream_adapter import HUB, NAME, NGINX, Adapter


@pytest.fixture
def new_upstream() -> Iterator[Callable[[], ScriptedUpstream]]:
    """Return a function that starts scripted upstreams; they end with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(ScriptedUpstream())


@pytest.fixture
def hub(new_upstream: Callable[[], ScriptedUpstream]) -> ScriptedUpstream:
    return new_upstream()


@pytest.fixture
def adapter(hub: ScriptedUpstream) -> Iterator[Adapter]:
    """An adapter for which Docker Hub is the ``hub`` fixture."""
    with ExitStack() as stack:
        yield Adapter(stack, {HUB: hub.url})


@pytest.fixture
def nginx(hub: ScriptedUpstream) -> None:
    """Have the ``hub`` fixture hold an image."""
    hub.add_image(NAME, NGINX, "latest")
