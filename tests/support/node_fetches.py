"""Fetches of several nodes from one scripted upstream."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import pytest
from werkzeug.test import Client

from ecr_emulator.testing.upstream.faults import Fault, Reply, Request, stalls
from ecr_emulator.testing.upstream.images import Content
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.pull_through.matrix.stories import Beside
from tests.support.programs import until
from tests.support.pull_through import Cache

Result = TypeVar("Result")
NAME = "quay/app"
ANYWHERE = pytest.mark.parametrize("caching_nodes", ["folder", "s3"], indirect=True)
"""Runs a test on nodes with blobs in a folder, and on nodes with blobs in S3."""


def fetched(upstream: ScriptedUpstream) -> Counter[str]:
    """Return the number of GETs of each manifest and blob."""
    return Counter(request.path for request in upstream.asked("GET", "/v2/app/"))


def settle(caches: Iterable[Cache]) -> None:
    """Wait until all nodes have done their background work."""
    for cache in caches:
        cache.settle()


def until_a_node_waits() -> None:
    """Wait until a node of this process waits for the fetch of another one: one thread does so for all fetches."""
    until(lambda: any(thread.name == "claims" for thread in threading.enumerate()))


class Stall:
    """An answer of the upstream that stops after a number of bytes, until ``go_on`` is set.

    ``part`` is the request as ``ScriptedUpstream.fail`` names it.
    """

    def __init__(self, upstream: ScriptedUpstream, part: str, after: int | None = None, then: Fault | None = None):
        self.reached, self.go_on = Event(), Event()
        self._after = after
        self._then = then
        upstream.fail(part, self._fault)

    def _fault(self, request: Request, reply: Reply) -> Reply:
        self.reached.set()
        return stalls(self.go_on, self._after)(request, self._then(request, reply) if self._then else reply)


@contextmanager
def stalled(
    upstream: ScriptedUpstream,
    part: str,
    start: Callable[[], Result],
    *,
    after: int | None = None,
    then: Fault | None = None,
) -> Iterator[Result]:
    """Call ``start``, which lets a node fetch something, and yield its result. The answer stops until the block ends.

    The block begins when the answer has stopped. The other arguments are those of ``Stall``.
    """
    stall = Stall(upstream, part, after, then)
    try:
        result = start()
        assert stall.reached.wait(20)
        yield result
    finally:
        stall.go_on.set()


class BlobReader:
    """A client that reads a blob of ``NAME`` from a node, piece by piece as it arrives."""

    def __init__(self, cache: Cache, blob: Content) -> None:
        self.response = Client(cache.emulator.wsgi).get(f"/v2/{NAME}/blobs/{blob.digest}", buffered=False)
        self._pieces = self.response.iter_encoded()

    def read(self, count: int) -> bytes:
        """Return at least this many bytes."""
        read = bytearray()
        while len(read) < count:
            read += next(self._pieces)
        return bytes(read)

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return b"".join(self._pieces)


def pulling(cache: Cache, reference: str) -> Beside:
    """Pull a manifest while the test goes on."""
    return Beside(lambda: Client(cache.emulator.wsgi).get(f"/v2/{NAME}/manifests/{reference}"))
