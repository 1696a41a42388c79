"""Users push what is being fetched: what they pushed is served, whatever the upstream answers."""

import pytest

from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image, layer
from tests.pull_through.matrix.stories import Beside
from tests.support.images import put_image, upload_layer
from tests.support.node_fetches import stalled

NAME = "quay/team/app"
LAYER = layer("layer")
THEIRS, OURS = image("theirs", LAYER), image("ours")


@pytest.fixture(autouse=True)
def rule(cache, upstream):
    upstream.add_image("team/app", THEIRS, "v1")
    cache.rule()


@pytest.mark.parametrize("fault", [None, answers(403), answers(404)], ids=["moved", "denied", "unknown"])
@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_an_image_that_was_pushed_while_its_tag_was_fetched_is_pulled(cache, upstream, fault, mutability):
    cache.ecr.create_repository(repositoryName=NAME, imageTagMutability=mutability)
    with stalled(upstream, "/manifests/v1", lambda: Beside(lambda: cache.manifest(NAME, "v1")), then=fault) as pulling:
        put_image(cache.ecr, NAME, OURS, "v1")
    answer = pulling.result()
    moves = mutability == "MUTABLE" and fault is None
    assert (answer.status_code, answer.data) == (200, THEIRS.raw if moves else OURS.raw)


def test_an_image_that_was_pushed_while_its_digest_was_fetched_is_pulled(cache, upstream):
    cache.ecr.create_repository(repositoryName=NAME)

    def pull():
        return Beside(lambda: cache.manifest(NAME, THEIRS.digest))

    with stalled(upstream, f"/manifests/{THEIRS.digest}", pull, then=answers(403)) as pulling:
        put_image(cache.ecr, NAME, THEIRS)
    assert pulling.result().data == THEIRS.raw


def test_a_layer_that_was_pushed_while_it_was_fetched_is_pulled(cache, upstream):
    def pull():
        assert cache.manifest(NAME, "v1").status_code == 200
        return Beside(lambda: cache.blob(NAME, LAYER.digest))

    with stalled(upstream, f"/blobs/{LAYER.digest}", pull, then=answers(404)) as pulling:
        upload_layer(cache.ecr, NAME, LAYER.raw)
    answer = pulling.result()
    assert (answer.status_code, answer.data) == (200, LAYER.raw)
