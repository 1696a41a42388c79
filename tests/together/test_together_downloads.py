"""Whatever comes between any two steps of a pull through the cache: the client has its bytes, and the cache keeps them.

The stories are told at every interleaving of their steps with those of a collection.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.interleaving import every_interleaving, switched
from tests.support.scripted_upstream import ScriptedUpstream
from tests.support.upstream_images import Content, layer

ACCOUNT = "000000000000"
NAME = "cache/team/app"
BLOB = layer("blob", 100_000)
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


@pytest.fixture
def emulator(upstream):
    """It fetches a blob when a client asks for it, and not before: all that happens, happens in the story."""
    settings = Settings(
        registry_auth="open", account=ACCOUNT, import_mode="lazy", upstream_map={"quay.io": upstream.url}
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
    """``POST /_ecr/gc`` with a grace of nothing, a moment later."""
    emulator.clock.advance(timedelta(seconds=1))
    emulator.services.collector.collect(emulator.clock.now(), timedelta())


def begin(emulator):
    emulator._store.reset()
    emulator.services.collector.sweep()
    emulator._pull_through.forget()
    emulator._downloads.forget()
    client_of(emulator, "ecr", account=ACCOUNT).create_pull_through_cache_rule(
        ecrRepositoryPrefix="cache", upstreamRegistryUrl="quay.io"
    )


@pytest.mark.parametrize("is_full", [False, True], ids=["stored", "relayed"])
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
