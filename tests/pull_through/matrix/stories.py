"""Helpers for tests of single cells: unusual manifests, and calls that are made at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.testing.upstream.faults import Fault, Reply, Request, stalls
from ecr_emulator.testing.upstream.images import Content, UpstreamImage


def changed(app: UpstreamImage, change: Callable[[dict[str, Any]], object]) -> UpstreamImage:
    """An image with another manifest."""
    document = json.loads(app.raw)
    change(document)
    return UpstreamImage(json.dumps(document).encode(), app.media_type, app.config, app.layers)


def listing(*manifests: Content) -> Content:
    """An index of anything."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [each.descriptor for each in manifests]}
    return Content(json.dumps(document).encode(), OCI_INDEX)


def stopping_at(reached: Event, go_on: Event, after: int | None = None) -> Fault:
    """A stall that sets ``reached`` when it has begun."""

    def fault(request: Request, reply: Reply) -> Reply:
        reached.set()
        return stalls(go_on, after)(request, reply)

    return fault


def wrong_at_the_end(_request: Request, reply: Reply) -> Reply:
    """All bytes but the last one are right."""
    return Reply(reply.status, reply.body[:-1] + b"?")


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same time, and return their results."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [made.result(20) for made in [threads.submit(call) for call in calls]]


class Beside(Thread):
    """A call that runs while the test goes on."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__()
        self._call = call
        self._result: Any = None
        self.start()

    def run(self) -> None:
        self._result = self._call()

    def result(self) -> Any:
        """Wait for the result."""
        self.join(20)
        assert not self.is_alive()
        return self._result
