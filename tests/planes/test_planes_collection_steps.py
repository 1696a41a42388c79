"""Garbage collection in steps: nothing is left, whatever happens between two of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.services import garbage_collection
from ecr_emulator.services.background import Outcome
from ecr_emulator.testing.upstream.images import layer
from tests.support.clock import FrozenClock
from tests.support.due_work import by_hand, due, take_step
from tests.support.images import an_image, put_image

SMALL = "team/small"


@pytest.fixture
def small_collections(monkeypatch):
    """Let each step of a collection look at two layers, or at two files."""
    monkeypatch.setattr(garbage_collection, "LAYERS", 2)
    monkeypatch.setattr(garbage_collection, "BATCH", 2)


def push_layers(docker):
    """Push five layers and an image with two; return the digests of all that garbage collection keeps."""
    docker.ecr.create_repository(repositoryName=SMALL)
    image = an_image()
    put_image(docker.ecr, SMALL, image, "v1")
    for number in range(5):
        docker.push_blob(layer(f"loose {number}", 100), SMALL)
    return {blob.digest for blob in image.blobs}


def blobs_of(docker):
    return set(docker.emulator._blobs.digests())


def outcomes(docker):
    """Take steps until nothing is due; return what came of each."""
    found = []
    while not found or found[-1] is not Outcome.NOTHING:
        found.append(take_step(docker))
    return found


def test_a_collection_takes_steps_and_goes_on_after_a_restart(tmp_path, small_collections):
    clock = FrozenClock()
    with by_hand(tmp_path / "state", clock) as docker:
        kept = push_layers(docker)
        due(docker)
        clock.advance(timedelta(hours=12))
        for _ in range(3):
            assert take_step(docker) is Outcome.PART
        assert len(blobs_of(docker)) == len(kept) + 5
    with by_hand(tmp_path / "state", clock) as docker:
        assert outcomes(docker).count(Outcome.PART) > 2
        assert blobs_of(docker) == kept


def test_a_collection_on_request_does_all_steps(small_collections):
    with by_hand() as docker:
        kept = push_layers(docker)
        due(docker)
        collected = docker.http.post("/_ecr/gc", json={"grace": "0s"}).json
        assert (collected["layers"], collected["blobs"]) == (5, 5)
        assert blobs_of(docker) == kept
