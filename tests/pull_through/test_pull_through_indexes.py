"""Indexes are imported with what they list, to a depth and a number."""

import json

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.testing.upstream.images import Content, image, index, layer

NAME = "quay/team/app"


def an_index(*listed, seed=0):
    """An index of anything, itself included."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [each.descriptor for each in listed],
        "annotations": {"seed": str(seed)},
    }
    return Content(json.dumps(document).encode(), OCI_INDEX)


def nested(upstream, levels):
    """An image inside so many indexes, the outermost of which is tagged v1. The outermost comes first."""
    inner = image("innermost")
    upstream.add_image("team/app", inner)
    chain = [inner]
    for level in range(levels):
        chain.insert(0, an_index(chain[0], seed=level))
        upstream.add_manifest("team/app", chain[0])
    upstream.add_manifest("team/app", chain[0], "v1")
    return chain


def import_v1(cache):
    answer = cache.manifest(NAME, "v1")
    cache.settle()
    assert answer.status_code == 200
    return cache.images(NAME)


def test_indexes_inside_indexes_are_imported_to_the_fourth_level(cache, upstream):
    chain = nested(upstream, 4)
    cache.rule()
    assert set(import_v1(cache)) == {each.digest for each in chain}
    upstream.stop()
    assert cache.pull(NAME, "v1") == chain[0].raw


def test_images_below_the_depth_limit_are_fetched_on_request(cache, upstream):
    chain = nested(upstream, 6)
    cache.rule()
    assert set(import_v1(cache)) == {each.digest for each in chain[:5]}
    assert cache.events()[-1]["sync-status"] == "SUCCESS"
    assert cache.pull(NAME, "v1") == chain[0].raw
    cache.settle()
    assert set(cache.images(NAME)) == {each.digest for each in chain}


def test_an_index_of_thousands_is_imported_in_part(cache, upstream, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.pull_through.image_parts.MAX_MANIFESTS", 5)
    images = [image(number) for number in range(8)]
    app = index(*images)
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    assert set(import_v1(cache)) == {app.digest, *(each.digest for each in images[:4])}
    assert cache.pull(NAME, "v1") == app.raw


def test_an_index_of_huge_manifests_is_imported_in_part(cache, upstream, monkeypatch):
    images = [image(number) for number in range(12)]
    monkeypatch.setattr("ecr_emulator.services.pull_through.image_parts.MAX_MANIFEST_BYTES", 2 * images[0].size)
    app = index(*images)
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    assert 3 <= len(import_v1(cache)) - 1 <= 6, "three parts are under way when the limit is found out"
    assert cache.pull(NAME, "v1") == app.raw


def test_an_image_that_many_indexes_list_is_fetched_once(cache, upstream):
    shared = image("shared")
    inner = [an_index(shared, seed=number) for number in range(3)]
    app = an_index(*inner, shared, shared)
    upstream.add_image("team/app", shared)
    for each in (*inner, app):
        upstream.add_manifest("team/app", each, "v1")
    cache.rule()
    import_v1(cache)
    assert upstream.count("GET", f"/manifests/{shared.digest}") == 1
    assert upstream.count("GET", "/blobs/") == len(shared.blobs)


def test_an_index_without_images_is_an_image(cache, upstream):
    empty = an_index()
    upstream.add_manifest("team/app", empty, "v1")
    cache.rule()
    assert import_v1(cache) == {empty.digest: ["v1"]}
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


@pytest.mark.consideration("S15")
def test_attestations_are_children_like_any_other(cache, upstream):
    app = image("app")
    attestation = image("attestation", layer("sbom", media_type="application/vnd.in-toto+json"))
    listed = [
        app.descriptor | {"platform": {"os": "linux", "architecture": "amd64"}},
        attestation.descriptor
        | {
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": app.digest,
            },
        },
    ]
    both = Content(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}).encode(), OCI_INDEX)
    upstream.add_image("team/app", app)
    upstream.add_image("team/app", attestation)
    upstream.add_manifest("team/app", both, "v1")
    cache.rule()
    assert import_v1(cache) == {both.digest: ["v1"], app.digest: [], attestation.digest: []}
    upstream.stop()
    assert cache.pull(NAME, "v1") == both.raw
