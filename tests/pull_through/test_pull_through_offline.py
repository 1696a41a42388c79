"""``--offline``: no request leaves the machine, as in a network without a route to the internet."""

import pytest

from ecr_emulator.testing.upstream.images import artifact, image, multi_arch
from tests.support.pull_through import running_cache
from tests.support.refusals import refusal

NAME = "quay/team/app"
REASON = "quay.io was not asked: the emulator runs with --offline"


@pytest.fixture
def offline(upstream, tmp_path):
    """An emulator that pulled an image while it was online."""
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.add_image("team/app", artifact(app))
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.rule()
        cache.pull(NAME, "v1")
        cache.settle()
    upstream.add_image("team/app", image("new"), "v1")
    upstream.requests.clear()
    with running_cache(upstream, tmp_path / "state", offline=True) as cache:
        yield cache
        cache.settle()
        assert upstream.requests == []


@pytest.mark.consideration("S27a")
def test_cached_images_are_served_for_ever(offline):
    app = multi_arch()
    assert offline.pull(NAME, "v1") == app.raw
    offline.advance(days=30)
    assert offline.pull(NAME, "v1") == app.raw
    assert offline.events()[-1]["failure-reason"] == REASON
    answer = offline.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])
    assert answer["images"][0]["imageId"]["imageDigest"] == app.digest


@pytest.mark.consideration("S27a")
def test_a_first_pull_fails_as_if_the_upstream_could_not_be_reached(offline):
    answer = offline.manifest("quay/team/other", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (503, "UNKNOWN")
    assert answer.json["errors"][0]["message"] == REASON
    assert offline.repositories() == [NAME]
    (failure,) = offline.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])["failures"]
    assert (failure["failureCode"], failure["failureReason"]) == ("UpstreamUnavailable", REASON)


def test_referrers_are_those_that_are_known(offline):
    app = multi_arch()
    assert offline.get(f"/v2/{NAME}/referrers/{app.digest}").json["manifests"] == []
    request = {"repositoryName": NAME, "subjectId": {"imageDigest": app.digest}}
    assert refusal(offline.ecr.list_image_referrers, **request)[0] == "UnableToListUpstreamImageReferrersException"


def test_validating_a_rule_says_why_it_cannot_work(offline):
    answer = offline.ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert answer["isValid"] is False
    assert answer["failure"].endswith(REASON)
