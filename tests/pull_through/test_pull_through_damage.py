"""Cached blobs whose files were damaged: the import of an image that has them fetches them again."""

from base64 import b64encode

import pytest

from ecr_emulator.testing.upstream.images import image, index, layer
from tests.pull_through.matrix.stories import changed
from tests.support.damage import DAMAGES, damage_blob, damage_manifest

BASE = layer("base", 5_000)
NAME = "quay/team/app"
FIRST, SECOND = image("first", BASE), image("second", BASE, layer("own"))


@pytest.fixture
def cached(cache, upstream):
    """An image in the cache, and another one with the same base that is only upstream."""
    cache.rule()
    for tag, each in (("v1", FIRST), ("v2", SECOND)):
        upstream.add_image("team/app", each, tag)
    cache.pull(NAME, "v1")
    cache.settle()
    return cache


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_import_fetches_a_damaged_layer_again(cached, upstream, damage):
    damage_blob(cached.emulator, BASE.digest, damage)
    assert cached.manifest(NAME, "v2").status_code == 200
    cached.settle()
    assert upstream.count("GET", BASE.digest) == 2
    assert cached.blob(NAME, BASE.digest).data == BASE.raw


def test_an_import_reads_no_layer_that_nobody_touched(cached, upstream, monkeypatch):
    monkeypatch.setattr("hashlib.file_digest", None)
    assert cached.manifest(NAME, "v2").status_code == 200
    cached.settle()
    assert upstream.count("GET", BASE.digest) == 1
    assert [event["sync-status"] for event in cached.events()] == ["SUCCESS", "SUCCESS"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_client_gets_the_whole_layer_and_not_what_is_left(cached, upstream, damage):
    damage_blob(cached.emulator, BASE.digest, damage)
    url = cached.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=BASE.digest)["downloadUrl"]
    assert cached.http.get(url).data == BASE.raw
    assert upstream.count("GET", BASE.digest) == 2


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_layer_that_comes_with_its_manifest_takes_the_place_of_a_damaged_one(cache, upstream, damage):
    cache.rule()
    small = layer("small", 50)
    data = b64encode(small.raw).decode()
    apps = [changed(image(seed, small), lambda it: it["layers"][0].update(data=data)) for seed in ("one", "two")]
    for app in apps:
        upstream.add_image("team/app", app, app.config.digest[7:20])
        assert cache.manifest(NAME, app.config.digest[7:20]).status_code == 200
        cache.settle()
        assert cache.blob(NAME, small.digest).data == small.raw
        damage_blob(cache.emulator, small.digest, damage)


@pytest.mark.sqlite
def test_a_damaged_manifest_is_fetched_again_when_it_is_checked(cached, upstream):
    damage_manifest(cached.emulator.data_dir, FIRST.digest)
    cached.advance(hours=25)
    assert cached.manifest(NAME, "v1").data == FIRST.raw
    upstream.stop()
    assert cached.manifest(NAME, FIRST.digest).data == FIRST.raw


@pytest.mark.sqlite
def test_a_tag_leaves_a_damaged_manifest_at_once(cached, upstream):
    damage_manifest(cached.emulator.data_dir, FIRST.digest, b"no JSON")
    upstream.add_image("team/app", SECOND, "v1")
    cached.advance(hours=25)
    assert cached.pull(NAME, "v1") == SECOND.raw


@pytest.mark.sqlite
def test_a_damaged_manifest_that_an_import_needs_is_fetched_again(cached, upstream):
    listed = index(FIRST)
    upstream.add_image("team/app", listed, "all")
    damage_manifest(cached.emulator.data_dir, FIRST.digest)
    assert cached.manifest(NAME, "all").status_code == 200
    cached.settle()
    assert cached.manifest(NAME, FIRST.digest).data == FIRST.raw
