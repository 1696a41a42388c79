"""Events of pull through tell of what happened, and of nothing else."""

import pytest

from tests.support.images import put_image
from tests.support.upstream_images import image, layer, multi_arch
from tests.through.conftest import running

NAME = "quay/team/app"
OWN = image("own")


def statuses(here):
    return [(each["sync-status"], each.get("image-tag")) for each in here.events()]


def pulled(here, reference="v1"):
    answer = here.manifest(NAME, reference)
    here.settle()
    return answer.data


def test_an_image_of_ones_own_in_a_cache_repository_was_never_imported(here, upstream):
    here.rule()
    here.ecr.create_repository(repositoryName=NAME)
    put_image(here.ecr, NAME, OWN, "v1")
    for _ in range(3):
        assert pulled(here) == OWN.raw
    assert statuses(here) == [("FAILED", "v1")], "the upstream was asked, and does not have it"
    for _ in range(3):
        here.advance(hours=1, minutes=1)
        assert pulled(here) == OWN.raw
    assert {status for status, _ in statuses(here)} == {"FAILED"}


def test_an_image_of_ones_own_under_a_cached_tag_was_never_imported(here, upstream):
    upstream.add_image("team/app", image("theirs"), "v1")
    here.rule()
    pulled(here)
    put_image(here.ecr, NAME, OWN, "v1")
    for _ in range(3):
        assert pulled(here) == OWN.raw
    assert statuses(here) == [("SUCCESS", "v1")], "that was the import of the image before"


@pytest.mark.parametrize("reference", ["v1", "digest"])
def test_an_image_of_ones_own_is_not_imported_after_a_restart_either(upstream, tmp_path, reference):
    upstream.add_image("team/app", image("theirs"), "v1")
    with running(upstream, tmp_path, keep=True) as here:
        here.rule()
        pulled(here)
        put_image(here.ecr, NAME, OWN, "v1")
    with running(upstream, tmp_path) as here:
        assert pulled(here, OWN.digest if reference == "digest" else reference) == OWN.raw
        assert statuses(here) == [("SUCCESS", "v1")]


def test_what_the_upstream_has_too_is_checked_and_not_imported(here, upstream):
    upstream.add_image("team/app", OWN, "v1")
    here.rule()
    here.ecr.create_repository(repositoryName=NAME)
    put_image(here.ecr, NAME, OWN, "v1")
    assert pulled(here) == OWN.raw
    here.advance(hours=25)
    assert pulled(here) == OWN.raw
    assert [request.method for request in upstream.requests] == ["HEAD", "HEAD"]
    assert statuses(here) == []


def test_an_image_that_is_deleted_while_it_is_imported_was_not_imported(here, upstream):
    app = image("app", layer("slow"))
    upstream.add_image("team/app", app, "v1")

    def delete_first(request, reply):
        here.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": app.digest}])
        return reply

    upstream.fail(f"/blobs/{app.layers[0].digest}", delete_first)
    here.rule()
    pulled(here)
    assert here.images(NAME) == {}
    assert statuses(here) == []


def test_a_part_that_is_deleted_while_the_rest_is_imported_is_no_success_of_its_own(here, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    here.rule()
    pulled(here)
    assert statuses(here) == [("SUCCESS", "v1")]
    pulled(here, app.images[0].digest)
    assert statuses(here) == [("SUCCESS", "v1")], "a pull of what is here imports nothing"
