"""Large uncached blobs through a real server: first bytes at once, little memory, and no complete wrong blob."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import requests

from ecr_emulator.testing.upstream.faults import stalls
from ecr_emulator.testing.upstream.images import Content, image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_at
from tests.support.processes import serving

MIB = 1024 * 1024
BASE = layer("large", 16 * MIB)
LARGE = [Content(bytes([number]) + BASE.raw[1:], BASE.media_type) for number in range(8)]
NAME = "cache/team/app"
ALLOWED_GROWTH = 48 * MIB
"""For eight downloads with their readers, of 128 MiB in all."""


class Served:
    """An emulator in a process of its own, and its upstream."""

    def __init__(self, emulator, upstream):
        self.emulator = emulator
        self.upstream = upstream

    def cold(self, seed, *blobs):
        """Pull the manifest of an image with these blobs. No import fetches them before the test does."""
        app = image(seed, *blobs)
        self.upstream.add_image("team/app", app, str(seed))
        assert self.get(f"manifests/{seed}").content == app.raw

    def get(self, path, **how):
        return requests.get(f"{self.emulator.url}/v2/{NAME}/{path}", timeout=30, **how)

    def memory(self):
        """Return the maximum memory of the emulator so far, and its memory now, in bytes."""
        status = Path(f"/proc/{self.emulator.process.pid}/status").read_text()
        return [int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024 for what in ("VmHWM", "VmRSS")]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with ScriptedUpstream() as upstream:
        arguments = ["--port", "0", "--host", "127.0.0.1", "--registry-auth", "open", "--import-mode", "lazy"]
        mapped = ["--upstream-map", f"quay.io={upstream.url}"]
        with serving(tmp_path_factory.mktemp("served"), *arguments, *mapped) as emulator:
            rule = {"ecrRepositoryPrefix": "cache", "upstreamRegistryUrl": "quay.io"}
            client_at(emulator.url, account="000000000000").create_pull_through_cache_rule(**rule)
            yield Served(emulator, upstream)


def test_the_first_bytes_arrive_while_the_upstream_is_still_sending(served):
    blob = layer("first bytes", 2 * MIB)
    served.cold("first", blob)
    go_on = Event()
    served.upstream.fail(f"/blobs/{blob.digest}", stalls(go_on, after=MIB))
    with served.get(f"blobs/{blob.digest}", stream=True) as answer:
        first = answer.raw.read(MIB - 64 * 1024)
        assert blob.raw.startswith(first)
        assert answer.headers["Content-Length"] == str(blob.size)
        assert "Transfer-Encoding" not in answer.headers
        go_on.set()
        assert first + answer.raw.read() == blob.raw


def test_a_client_of_a_blob_that_turns_out_wrong_sees_a_body_that_breaks_off(served):
    blob = layer("wrong", 2 * MIB)
    served.cold("wrong", blob)
    go_on = Event()

    def wrong_and_slow(request, reply):
        return stalls(go_on, after=MIB)(request, type(reply)(reply.status, reply.body[:-1] + b"?"))

    served.upstream.fail(f"/blobs/{blob.digest}", wrong_and_slow, count=2)
    with served.get(f"blobs/{blob.digest}", stream=True) as answer:
        assert answer.status_code == 200
        go_on.set()
        with pytest.raises(requests.RequestException, match=r"IncompleteRead|Connection"):
            assert answer.content


def test_large_cold_blobs_side_by_side_take_little_memory(served):
    served.cold("large", *LARGE)
    _, before = served.memory()
    with ThreadPoolExecutor(len(LARGE)) as clients:
        lengths = list(clients.map(lambda blob: _received(served, blob), LARGE))
    most, _ = served.memory()
    assert lengths == [blob.size for blob in LARGE]
    assert served.upstream.count("GET", "/blobs/") >= len(LARGE)
    assert most - before < ALLOWED_GROWTH, f"{(most - before) / MIB:.0f} MiB"


def _received(served, blob):
    """Return the number of right bytes that a client has read."""
    position = 0
    with served.get(f"blobs/{blob.digest}", stream=True) as answer:
        for chunk in answer.iter_content(MIB):
            assert chunk == blob.raw[position : position + len(chunk)]
            position += len(chunk)
    return position
