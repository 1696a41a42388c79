"""Verification fetches damaged parts again if an upstream still has them."""

import pytest

from ecr_emulator.testing.upstream.images import image, layer
from tests.support.damage import DAMAGES, damage_blob, damage_manifest, removed
from tests.support.verification import verify

BASE = layer("base", 5_000)
APP = image("app", BASE)
NAME = "quay/team/app"


@pytest.fixture
def cached(cache, upstream):
    cache.rule()
    upstream.add_image("team/app", APP, "v1")
    cache.pull(NAME, "v1")
    cache.settle()
    return cache


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cached_layer_is_fetched_again(cached, upstream, damage):
    damage_blob(cached.emulator, BASE.digest, damage)
    state = "missing" if damage is removed else "damaged"
    assert verify(cached.http)[0] == [(state, "blob", BASE.digest, "well")]
    assert verify(cached.http)[0] == []
    upstream.stop()
    assert cached.blob(NAME, BASE.digest).data == BASE.raw


@pytest.mark.sqlite
def test_a_cached_manifest_is_fetched_again(cached, upstream):
    damage_manifest(cached.emulator.data_dir, APP.digest)
    assert verify(cached.http)[0] == [("damaged", "manifest", APP.digest, "well")]
    assert verify(cached.http)[0] == []
    upstream.stop()
    assert cached.manifest(NAME, "v1").data == APP.raw


@pytest.mark.sqlite
def test_damaged_parts_stay_broken_until_an_upstream_serves_them(cached, upstream):
    damage_blob(cached.emulator, BASE.digest, removed)
    damage_manifest(cached.emulator.data_dir, APP.digest)
    upstream.fail("/v2/", status=404, count=99)
    assert verify(cached.http)[0] == [
        ("missing", "blob", BASE.digest, "broken"), ("damaged", "manifest", APP.digest, "broken")
    ]  # fmt: skip
    upstream.heal()
    cached.advance(minutes=10)
    assert {outcome for *_, outcome in verify(cached.http)[0]} == {"well"}
    assert cached.pull(NAME, "v1") == APP.raw


def test_a_layer_is_healed_for_all_repositories_that_hold_it(cached):
    cached.ecr.create_repository(repositoryName="aaa")
    upload = cached.ecr.initiate_layer_upload(repositoryName="aaa")["uploadId"]
    cached.ecr.upload_layer_part(
        repositoryName="aaa", uploadId=upload, partFirstByte=0, partLastByte=BASE.size - 1, layerPartBlob=BASE.raw
    )
    cached.ecr.complete_layer_upload(repositoryName="aaa", uploadId=upload, layerDigests=[BASE.digest])
    damage_blob(cached.emulator, BASE.digest, removed)
    assert verify(cached.http)[0] == [("missing", "blob", BASE.digest, "well")]
    assert cached.blob("aaa", BASE.digest).data == BASE.raw


def test_parts_left_out_on_purpose_are_not_failures(cache, upstream):
    cache.rule()
    upstream.add_image("team/app", APP, "v1")
    upstream.fail("/blobs/", status=404, count=99)
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert verify(cache.http)[0] == []
