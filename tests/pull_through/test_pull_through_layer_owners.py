"""Cached layers can be read by accounts that hold them, not by other accounts that know the digest."""

import json
from dataclasses import replace

import pytest

from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_of
from tests.support.pull_through import Cache, running_cache

NAME = "quay/team/app"


@pytest.fixture
def of_mallory():
    """An upstream to which another user pushes images."""
    with ScriptedUpstream() as registry:
        yield registry


@pytest.fixture
def cache(upstream, of_mallory):
    with running_cache(upstream, mapped={"registry.k8s.io": of_mallory.url}) as cache:
        cache.rule()
        yield cache


@pytest.fixture
def secret(cache, upstream):
    """An image that the account has pulled."""
    app = image("secret", layer("secret"))
    upstream.add_image("team/app", app, "v1")
    cache.pull(NAME, "v1")
    cache.settle()
    return app


def account(cache, number):
    """The same emulator, as another account reaches it."""
    other = Cache(cache.emulator)
    other.ecr = client_of(cache.emulator, "ecr", account=number)
    return other


def naming(other, manifest_of):
    """A manifest that lists a layer of another image."""
    document = json.loads(manifest_of.raw)
    document["layers"] = [other.layers[0].descriptor]
    return replace(manifest_of, raw=json.dumps(document).encode())


def test_a_manifest_that_names_a_layer_of_another_account_gives_no_access_to_it(cache, secret, of_mallory):
    bait = naming(secret, image("bait"))
    of_mallory.add_manifest("team/bait", bait, "v1")
    of_mallory.add_blobs("team/bait", bait.config)
    mallory = account(cache, "999988887777")
    mallory.rule("k8s", "registry.k8s.io")

    assert mallory.manifest("k8s/team/bait", "v1").data == bait.raw
    assert mallory.blob("k8s/team/bait", secret.layers[0].digest).status_code == 404
    cache.settle()
    assert mallory.blob("k8s/team/bait", secret.layers[0].digest).status_code == 404
    with pytest.raises(mallory.ecr.exceptions.UnableToGetUpstreamLayerException):
        mallory.ecr.get_download_url_for_layer(repositoryName="k8s/team/bait", layerDigest=secret.layers[0].digest)


def test_two_accounts_that_pull_one_image_each_get_it_from_its_upstream(cache, secret, upstream):
    other = account(cache, "999988887777")
    other.rule()
    assert other.pull(NAME, "v1") == secret.raw
    cache.settle()
    for blob in secret.blobs:
        assert upstream.count("GET", blob.digest) == 2
    upstream.stop()
    assert other.pull(NAME, "v1") == cache.pull(NAME, "v1") == secret.raw


def test_the_repositories_of_an_account_share_their_layers(cache, secret, upstream):
    again = naming(secret, image("again"))
    upstream.add_manifest("team/again", again, "v1")
    upstream.add_blobs("team/again", again.config)
    assert cache.pull("quay/team/again", "v1") == again.raw
    cache.settle()
    assert upstream.count("GET", secret.layers[0].digest) == 1
