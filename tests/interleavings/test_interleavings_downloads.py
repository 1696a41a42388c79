"""Pulls through the cache, interrupted at every step: the client gets its bytes, and the cache keeps them.

Each story runs at every interleaving of its steps with those of a garbage collection.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from threading import Event, Thread

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.faults import stalls
from ecr_emulator.testing.upstream.images import Content, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.interleaving import every_interleaving, switched

pytestmark = pytest.mark.slow

ACCOUNT = "000000000000"
NAME = "cache/team/app"
BLOB = layer("blob", 60_000)
CONFIG = Content(b"{}", "application/vnd.oci.image.config.v1+json")
IMAGE = Content(
    json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": CONFIG.descriptor | {"data": base64.b64encode(CONFIG.raw).decode()},
            "layers": [BLOB.descriptor],
        }
    ).encode(),
    "application/vnd.oci.image.manifest.v1+json",
)


@pytest.fixture(scope="module")
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_blobs("team/app", CONFIG, BLOB)
        registry.add_manifest("team/app", IMAGE, "v1")
        yield registry


@pytest.fixture(params=["lazy", "full"])
def emulator(upstream, request):
    """Fetch a blob for the request of a client, or in the background."""
    settings = Settings(
        registry_auth="open", account=ACCOUNT, import_mode=request.param, upstream_map={"quay.io": upstream.url}
    )
    with Emulator(settings, FrozenClock()) as running:
        yield running


def pull(emulator, reference=f"blobs/{BLOB.digest}"):
    answer = Client(emulator.wsgi).get(f"/v2/{NAME}/{reference}")
    assert answer.status_code == 200, answer.text
    return answer.data


def pull_all(emulator):
    assert pull(emulator, "manifests/v1") == IMAGE.raw
    assert pull(emulator, f"blobs/{CONFIG.digest}") == CONFIG.raw
    assert pull(emulator) == BLOB.raw
    assert emulator.settle(20)


def collect(emulator):
    """Send ``POST /_ecr/gc`` without a grace, a moment later."""
    emulator.clock.advance(timedelta(seconds=1))
    emulator.services.garbage_collector.collect(emulator.clock.now(), timedelta())


def reset(emulator):
    """``POST /_ecr/reset``, but for what it waits for before."""
    emulator._store.reset(clear_files=emulator._blobs.clear)
    emulator.services.garbage_collector.sweep()


def begin(emulator):
    reset(emulator)
    emulator._pull_through.forget()
    emulator._downloads.forget()
    client_of(emulator, "ecr", account=ACCOUNT).create_pull_through_cache_rule(
        ecrRepositoryPrefix="cache", upstreamRegistryUrl="quay.io"
    )


@pytest.mark.parametrize("is_full", [False, True], ids=["stored", "uncached"])
def test_a_cold_pull_gets_its_bytes_whatever_is_collected_meanwhile(emulator, upstream, is_full):
    emulator._blobs._reserve = 2**60 if is_full else 0

    def run(switch):
        begin(emulator)
        upstream.requests.clear()
        with switched(emulator, switch):
            switch.run(lambda: pull_all(emulator), lambda: collect(emulator))
        asked = upstream.count("GET", BLOB.digest)
        collect(emulator)
        assert pull(emulator) == BLOB.raw
        assert is_full or upstream.count("GET", BLOB.digest) == asked

    assert every_interleaving(run, is_whole=True) > 20


def test_a_cold_pull_that_a_reset_cuts_short_hears_why(emulator):
    def try_to_pull():
        get = Client(emulator.wsgi).get
        answers = [
            get(f"/v2/{NAME}/manifests/v1"),
            *(get(f"/v2/{NAME}/blobs/{each.digest}") for each in (CONFIG, BLOB)),
        ]
        bodies = [(answer.status_code, answer.data) for answer in answers]
        assert emulator.settle(20)
        return bodies

    def run(switch):
        begin(emulator)
        with switched(emulator, switch):
            bodies = switch.run(try_to_pull, lambda: reset(emulator))
        for (status, data), content in zip(bodies, (IMAGE, CONFIG, BLOB), strict=True):
            assert data == content.raw if status == 200 else (status, b"UNKNOWN" in data) == (404, True)
        with emulator.services.store.reading() as work:
            repository = work.repositories.find(emulator.services.home, NAME)
            held = [work.layers.find(repository, each.digest) for each in (CONFIG, BLOB)] if repository else []
        assert all(emulator.services.blobs.size(layer.digest) == layer.size for layer in held if layer)

    assert every_interleaving(run, is_whole=True) > 20


def test_a_download_whose_file_is_gone_tells_no_path_of_the_server(emulator, upstream):
    begin(emulator)
    go_on = Event()
    upstream.fail(f"GET /blobs/{BLOB.digest}", stalls(go_on, after=10_000))
    answers = []
    pulling = Thread(target=lambda: answers.append(pull_and_see(emulator)))
    pulling.start()
    while not (parts := [path for path in (emulator.data_dir / "ingest").iterdir() if path.stat().st_size > 1_000]):
        pulling.join(0.01)
    parts[0].unlink()
    go_on.set()
    pulling.join(20)
    [(status, text)] = answers
    assert status == 503
    assert BLOB.digest in text
    assert str(emulator.data_dir) not in text
    assert emulator.settle(20)
    assert pull(emulator) == BLOB.raw


def pull_and_see(emulator):
    pull(emulator, "manifests/v1")
    answer = Client(emulator.wsgi).get(f"/v2/{NAME}/blobs/{BLOB.digest}")
    return answer.status_code, answer.text
