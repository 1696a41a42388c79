"""The number of upstream requests that a pull causes, with and without faults of the upstream."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import answers, hang_up
from ecr_emulator.testing.upstream.images import image, index, multi_arch
from tests.support.clock import HurriedClock
from tests.support.pull_through import running_cache

NAME = "quay/team/app"
DENIED = (
    "The authentication to the upstream registry failed. Verify that the credentials provided in the "
    "pull through cache rule are correct, and try again."
)


class Bill:
    """Return the requests since the last call, as method and the path after the repository's name."""

    def __init__(self, upstream):
        self._upstream = upstream
        self._seen = 0

    def __call__(self):
        new = self._upstream.requests[self._seen :]
        self._seen += len(new)
        return sorted(f"{request.method} {request.path.removeprefix('/v2/team/app/')}" for request in new)


@pytest.fixture
def bill(upstream):
    return Bill(upstream)


def cached(cache, upstream):
    """An image that has been pulled through as ``v1`` before."""
    app = image()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.pull(NAME, "v1")
    cache.settle()
    return app


def manifests(*references):
    return [f"GET manifests/{reference}" for reference in references]


def everything_of(app):
    """Return the requests of a cold pull after its first response: missing children, then all blobs, each once."""
    images = getattr(app, "images", ())
    blobs = {blob.digest for each in images or (app,) for blob in each.blobs}
    return manifests(*(each.digest for each in images)) + [f"GET blobs/{digest}" for digest in blobs]


# --- The costs of pulls ----------------------------------------------------------------------------------


@pytest.mark.parametrize("signs_in", [False, True], ids=["open", "with tokens"])
def test_the_number_of_requests_of_pulls(cache, upstream, bill, signs_in):
    """data-plane.md, D.8: warm nothing; expired and unchanged a HEAD; expired and changed HEAD, GET and what is new."""
    token = ["GET /token"] if signs_in else []
    refused = ["GET manifests/v1"] if signs_in else []  # the very first request gets the challenge
    upstream.auth = Bearer(expires_in=3600) if signs_in else None
    same, old, new = (image(seed, architecture=seed) for seed in ("amd64", "arm64", "s390x"))
    first, second = index(same, old), index(same, new)
    upstream.add_image("team/app", first, "v1")
    cache.rule()

    cache.pull(NAME, "v1")
    cache.settle()
    assert bill() == sorted(["GET manifests/v1", *everything_of(first), *token, *refused]), "cold"

    cache.pull(NAME, "v1")
    cache.settle()
    assert bill() == [], "warm"

    cache.advance(hours=24)
    cache.pull(NAME, "v1")
    cache.settle()
    assert bill() == sorted(["HEAD manifests/v1", *token]), "expired, unchanged"

    upstream.add_image("team/app", second, "v1")
    cache.advance(hours=24)
    assert cache.pull(NAME, "v1") == second.raw
    cache.settle()
    costs = ["HEAD manifests/v1", *manifests(second.digest), *everything_of(new), *manifests(new.digest)]
    assert bill() == sorted([*costs, *token]), "expired, changed"


def test_twenty_cold_pulls_at_once_cost_what_one_does(cache, upstream, bill):
    app = multi_arch()
    upstream.auth = Bearer(expires_in=3600)
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    with ThreadPoolExecutor(20) as clients:
        pulled = list(clients.map(lambda _: cache.pull(NAME, "v1"), range(20)))
    cache.settle()
    assert pulled == [app.raw] * 20
    assert bill() == sorted(["GET /token", *manifests("v1", "v1"), *everything_of(app)])


def test_twenty_pulls_of_an_expired_tag_at_once_cost_one_head(cache, upstream, bill):
    cached(cache, upstream)
    bill()
    cache.advance(hours=25)
    with ThreadPoolExecutor(20) as clients:
        list(clients.map(lambda _: cache.pull(NAME, "v1"), range(20)))
    assert bill() == ["HEAD manifests/v1"]


# --- Upstreams with faults -------------------------------------------------------------------------------


def test_a_mistyped_name_is_asked_for_once_in_five_seconds(cache, upstream, bill):
    cache.rule()
    first = cache.manifest(NAME, "v1")
    with ThreadPoolExecutor(10) as clients:
        others = list(clients.map(lambda _: cache.manifest(NAME, "v1"), range(10)))
    assert {(each.status_code, each.data) for each in others} == {(404, first.data)}
    assert bill() == manifests("v1")

    upstream.add_image("team/app", image(), "v1")
    cache.advance(seconds=5)
    assert cache.manifest(NAME, "v1").status_code == 200


def test_a_wrong_secret_is_tried_once_in_ten_seconds_and_a_new_one_at_once(cache, upstream, bill):
    upstream.add_image("library/nginx", image(), "1.27")
    upstream.auth = Basic("hub-user", "hub-token")
    arn = cache.secret(access_token="old")
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=arn)
    for _ in range(3):
        answer = cache.manifest("docker-hub/library/nginx", "1.27")
        assert (answer.status_code, answer.json["errors"][0]["message"]) == (403, DENIED)
    assert len(bill()) == 2, "the challenge, and the credential"
    cache.secrets.put_secret_value(SecretId=arn, SecretString='{"username": "hub-user", "accessToken": "hub-token"}')
    assert cache.manifest("docker-hub/library/nginx", "1.27").status_code == 200


def test_a_changed_rule_is_tried_at_once(cache, upstream, bill):
    cache.rule("docker-hub", "registry-1.docker.io", credentialArn=cache.secret())
    assert cache.manifest("docker-hub/team/app", "v1").status_code == 404
    upstream.add_image("team/app", image(), "v1")
    assert cache.manifest("docker-hub/team/app", "v1").status_code == 404
    assert bill() == ["GET /v2/", *manifests("v1")], "an upstream may hide images, and send a challenge only at /v2/"
    other = cache.secret(name="ecr-pullthroughcache/other")
    cache.ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub", credentialArn=other)
    assert cache.manifest("docker-hub/team/app", "v1").status_code == 200


@pytest.mark.parametrize("fault", [answers(503), hang_up()], ids=["503", "hangs up"])
def test_the_sixth_pull_from_a_broken_upstream_asks_it_nothing(cache, upstream, bill, fault):
    upstream.fail("/manifests/", fault, count=99)
    cache.rule()
    for number in range(5):
        assert cache.manifest(NAME, f"v{number}").status_code == 503
    bill()
    sixth = cache.manifest(NAME, "v6")
    assert (sixth.status_code, sixth.json["errors"][0]["code"]) == (503, "UNKNOWN")
    assert "is not asked for 30 seconds" in sixth.json["errors"][0]["message"]
    assert 1 <= int(sixth.headers["Retry-After"]) <= 30
    assert bill() == []

    upstream.heal()
    upstream.add_image("team/app", image(), "v6")
    assert cache.http.post("/_ecr/clock", json={"advance": "30s"}).status_code == 200
    assert cache.manifest(NAME, "v6").status_code == 200


def test_an_open_breaker_leaves_cached_images_served(cache, upstream, bill):
    app = cached(cache, upstream)
    upstream.stop()
    cache.advance(hours=25)
    for number in range(5):
        cache.manifest(NAME, f"w{number}")
    upstream.start()
    bill()
    assert cache.pull(NAME, "v1") == app.raw
    assert bill() == []
    assert "is not asked for 30 seconds" in cache.events()[-1]["failure-reason"]


def test_a_rate_limit_is_kept_by_everybody_until_it_is_over(cache, upstream, bill):
    app = cached(cache, upstream)
    bill()
    upstream.fail("/manifests/", answers(429, Retry_After="3600"))
    assert cache.manifest(NAME, "v2").headers["Retry-After"] == "3600"
    assert bill() == manifests("v2")

    cache.advance(minutes=30)
    refused = cache.manifest(NAME, "v3")
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
    assert 1790 <= int(refused.headers["Retry-After"]) <= 1800
    failure = cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v3"}])["failures"][0]
    assert failure["failureCode"] == "UpstreamTooManyRequests"
    assert cache.pull(NAME, "v1") == app.raw
    assert bill() == []

    cache.advance(minutes=30)
    assert cache.manifest(NAME, "v3").status_code == 404
    assert bill() == manifests("v3")


def test_an_expired_tag_is_served_while_the_rate_limit_is_used_up(cache, upstream, bill):
    app = cached(cache, upstream)
    cache.advance(hours=24)
    upstream.fail("/manifests/", answers(429, Retry_After="7200"))
    bill()
    for _ in range(3):
        assert cache.pull(NAME, "v1") == app.raw
        cache.advance(minutes=30)
    assert bill() == ["HEAD manifests/v1"]
    cache.advance(hours=2)
    assert cache.pull(NAME, "v1") == app.raw
    assert bill() == ["HEAD manifests/v1"]


class Shaken(HurriedClock):
    """A clock of a machine whose time is set back."""

    def __init__(self):
        super().__init__()
        self.back = timedelta()

    def now(self):
        return super().now() - self.back


def test_a_clock_that_is_set_back_sets_off_no_storm(upstream, bill):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.auth = Bearer(expires_in=100_000)
    clock = Shaken()
    with running_cache(upstream, clock=clock) as cache:
        cache.rule()
        cache.pull(NAME, "v1")
        cache.settle()
        cache.advance(hours=25)
        upstream.fail("/manifests/", answers(503), count=99)
        cache.pull(NAME, "v1")
        for number in range(5):
            cache.manifest(NAME, f"w{number}")
        bill()

        clock.back = timedelta(hours=1)
        assert cache.pull(NAME, "v1") == app.raw
        assert cache.manifest(NAME, "w0").status_code == 503
        assert bill() == []

        upstream.heal()
        cache.advance(seconds=30)
        assert cache.manifest(NAME, "w0").status_code == 404
        assert bill() == manifests("w0"), "with the earlier token"


def test_negative_answers_are_forgotten_by_a_reset(cache, upstream):
    """A reset forgets negative answers too, since a new test begins."""
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 404
    upstream.add_image("team/app", image(), "v1")
    cache.http.post("/_ecr/reset", json={})
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 200
