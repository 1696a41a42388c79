"""A node is killed while it fetches from an upstream, and another one goes on."""

import random
import signal
from contextlib import suppress
from threading import Thread
from time import monotonic

import pytest
import requests

from ecr_emulator.testing.upstream.images import image, layer
from tests.support.boto import client_at
from tests.support.node_fetches import NAME, Stall
from tests.support.nodes import ACCOUNT, node_processes
from tests.support.programs import until

pytestmark = pytest.mark.journey

SIZE = 1_000_000
POINTS = random.Random(17).sample(range(1, SIZE), 3)
WAIT = 20
"""Seconds for which a client waits for an upstream; a follower of a dead node must not wait for so long again."""


class Download(Thread):
    """A client that downloads from a node beside the test. ``received`` grows as bytes arrive."""

    def __init__(self, url):
        super().__init__()
        self._url = url
        self.status = 0
        self.received = bytearray()
        self.start()

    def run(self):
        with suppress(requests.RequestException), requests.get(self._url, stream=True, timeout=60) as answer:
            self.status = answer.status_code
            for chunk in answer.iter_content(16 * 1024):
                self.received += chunk


@pytest.fixture
def nodes(databases, tmp_path, upstream):
    arguments = ("--upstream-map", f"quay.io={upstream.url}", "--registry-auth", "open")
    with node_processes(databases(), tmp_path, *arguments) as nodes:
        yield nodes


def test_a_killed_node_is_followed_by_another_at_any_point(nodes, upstream):
    other = nodes.start()
    ecr = client_at(other.url, "ecr", account=ACCOUNT)
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    for number, point in enumerate([None, 0, *POINTS, SIZE - 1]):
        blob = layer(number, SIZE)
        upstream.add_image("app", image(number, blob), f"v{number}")
        manifest_path, blob_path = f"/v2/{NAME}/manifests/v{number}", f"/v2/{NAME}/blobs/{blob.digest}"
        part = f"GET /manifests/v{number}" if point is None else f"GET /blobs/{blob.digest}"
        killed = nodes.start()
        stall = Stall(upstream, part, point)
        Download(killed.url + manifest_path)
        assert stall.reached.wait(WAIT)
        download = Download(other.url + (manifest_path if point is None else blob_path))
        if point and point > 100_000:
            until(lambda: len(download.received) > point - 100_000)  # noqa: B023 - it is called here
        begun = monotonic()
        killed.stop(signal.SIGKILL)
        download.join(WAIT)
        assert not download.is_alive()
        assert monotonic() - begun < WAIT / 2
        assert download.status == 200
        if point is not None:
            assert bytes(download.received) == blob.raw
        stall.go_on.set()
        assert requests.get(other.url + blob_path, timeout=WAIT).content == blob.raw
        assert upstream.count("GET", f"/blobs/{blob.digest}") <= 2
        assert upstream.count("GET", f"/manifests/v{number}") == (2 if point is None else 1)
