"""Rate limits of upstreams: the time without requests after a 429, and the pulls that remain."""

from datetime import timedelta

import pytest

from ecr_emulator.domain.image import StoredManifest
from ecr_emulator.ports.upstream import RateLimit
from ecr_emulator.ports.upstream_failures import UpstreamTooManyRequests
from ecr_emulator.upstream.rate_limits import HostCredential, RateLimits
from tests.support.clock import FrozenClock
from tests.support.upstream_adapter import CREDENTIAL, HUB, NAME, NGINX, SECRET, a_rule, later, outcome

pytestmark = pytest.mark.usefixtures("nginx")


def test_a_rate_limit_is_kept_without_asking_until_it_is_over(hub, adapter):
    hub.fail("/manifests/", status=429, headers={"Retry-After": "3600"})
    upstream = adapter.at()
    first = outcome(upstream)
    later(adapter, minutes=20)
    again = outcome(upstream, "v2")
    assert (type(again), again.reason) == (UpstreamTooManyRequests, first.reason)
    assert (first.retry_after, again.retry_after) == (3600, 2400)
    for ask in (lambda: upstream.head_manifest(NAME, "latest"), upstream.ping):
        with pytest.raises(UpstreamTooManyRequests):
            ask()
    with pytest.raises(UpstreamTooManyRequests):
        list(upstream.blob(NAME, NGINX.config.digest, NGINX.config.size))
    assert len(hub.requests) == 1

    later(adapter, minutes=40)
    assert outcome(upstream).raw == NGINX.raw


def test_a_rate_limit_is_that_of_a_credential(hub, adapter):
    hub.fail("/manifests/", status=429, headers={"Retry-After": "3600"})
    upstreams = adapter.upstreams()
    assert isinstance(outcome(upstreams.at(a_rule())), UpstreamTooManyRequests)
    adapter.secrets.held = CREDENTIAL
    assert outcome(upstreams.at(a_rule(credential_arn=SECRET))).raw == NGINX.raw


def test_an_upstream_that_does_not_say_for_how_long_is_left_alone_for_ten_seconds(hub, adapter):
    hub.fail("/manifests/", status=429)
    upstream = adapter.at()
    assert outcome(upstream).retry_after is None
    later(adapter, seconds=9)
    assert outcome(upstream).retry_after is None
    assert len(hub.requests) == 1
    later(adapter, seconds=1)
    assert isinstance(outcome(upstream), StoredManifest)


def test_no_upstream_is_left_alone_for_longer_than_a_day(hub, adapter):
    hub.fail("/manifests/", status=429, headers={"Retry-After": "999999999"})
    upstream = adapter.at()
    assert outcome(upstream).retry_after == 86_400
    later(adapter, days=1)
    assert outcome(upstream).raw == NGINX.raw


@pytest.mark.parametrize(
    ("limit", "remaining", "known"),
    [
        ("100;w=21600", "76;w=21600", RateLimit(100, 76, 21_600)),
        ("200", "0", RateLimit(200, 0, None)),
        ("many", "76", None),
        ("100;w=21600", "", None),
    ],
)
def test_the_remaining_pulls_of_a_rate_limit_are_remembered(limit, remaining, known):
    limits, key = RateLimits(FrozenClock().elapsed), HostCredential(HUB, CREDENTIAL)
    limits.answered(key, {"RateLimit-Limit": limit, "RateLimit-Remaining": remaining})
    assert limits.known(key) == known
    assert limits.known(HostCredential(HUB, None)) is None


@pytest.mark.parametrize(
    ("window", "seconds"), [(";w=21600", 21_600), (";w=60", 60), ("", 3_600), (";w=0", 3_600), (";w=999999999", 86_400)]
)
def test_a_rate_limit_is_forgotten_after_its_window(window, seconds):
    clock, key = FrozenClock(), HostCredential(HUB, None)
    limits = RateLimits(clock.elapsed)
    limits.answered(key, {"RateLimit-Limit": f"100{window}", "RateLimit-Remaining": "3"})
    clock.advance(timedelta(seconds=seconds - 1))
    assert limits.known(key) is not None
    clock.advance(timedelta(seconds=1))
    assert limits.known(key) is None
