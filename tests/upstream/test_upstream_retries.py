"""Retries, for upstreams that are busy, broken, slow or gone."""

import socket
from threading import Event

import pytest

from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamTooManyRequests, UpstreamUnavailable
from ecr_emulator.testing.upstream.faults import answers, cut_after, hang_up, reset_after, stalls
from ecr_emulator.upstream.error_responses import retry_after
from tests.support.upstream_adapter import NAME, NGINX

LIMIT = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'


pytestmark = pytest.mark.usefixtures("nginx")


@pytest.mark.parametrize(
    "fault",
    [answers(status) for status in (408, 500, 502, 503, 504)] + [hang_up(), cut_after(10), reset_after(10)],
    ids=["408", "500", "502", "503", "504", "hangs up", "cut", "reset"],
)
def test_a_temporary_failure_is_tried_three_times(hub, adapter, fault):
    hub.fail("/manifests/", fault, count=2)
    assert adapter.at().manifest(NAME, "latest").raw == NGINX.raw
    assert adapter.pauses == [0.5, 1.0]

    hub.fail("/manifests/", fault, count=3)
    with pytest.raises(UpstreamUnavailable, match=r"registry-1\.docker\.io \(http://127"):
        adapter.at().manifest(NAME, "latest")
    assert hub.count("GET") == 6


@pytest.mark.parametrize(
    ("status", "failure"), [(404, UpstreamNotFound), (418, UpstreamUnavailable), (400, UpstreamUnavailable)]
)
def test_a_permanent_failure_is_tried_once(hub, adapter, status, failure):
    hub.fail("/manifests/", status=status, count=9)
    with pytest.raises(failure):
        adapter.at().manifest(NAME, "latest")
    assert (len(hub.requests), adapter.pauses) == (1, [])


def test_a_failure_says_who_and_what(hub, adapter):
    hub.fail("/manifests/", status=503, body=LIMIT, headers={"Retry-After": "60"}, count=3)
    with pytest.raises(UpstreamUnavailable) as failed:
        adapter.at().manifest(NAME, "latest")
    who = f"registry-1.docker.io ({hub.url})"
    assert failed.value.reason == f"{who} answered 503: You have reached your pull rate limit."
    assert failed.value.retry_after == 60


def test_an_upstream_that_is_gone_is_unavailable_until_it_is_back(hub, adapter):
    upstream = adapter.at()
    upstream.manifest(NAME, "latest")
    hub.stop()
    with pytest.raises(UpstreamUnavailable) as failed:
        upstream.manifest(NAME, "latest")
    hub.start()

    assert failed.value.reason == f"registry-1.docker.io ({hub.url}) cannot be reached: Connection refused"
    assert upstream.manifest(NAME, "latest").raw == NGINX.raw


def test_an_upstream_that_does_not_speak_tls_is_unavailable(hub, adapter):
    adapter.addresses["registry-1.docker.io"] = hub.url.replace("http:", "https:")
    with pytest.raises(UpstreamUnavailable, match="cannot be reached"):
        adapter.at().ping()


def test_an_upstream_that_does_not_speak_http_is_unavailable(adapter):
    with socket.create_server(("127.0.0.1", 0)) as server:
        adapter.addresses["registry-1.docker.io"] = f"http://127.0.0.1:{server.getsockname()[1]}"
        adapter.idle = 0.05
        with pytest.raises(UpstreamUnavailable, match="does not answer: timed out"):
            adapter.at().ping()


def test_an_upstream_that_never_answers_is_not_asked_again(hub, adapter):
    adapter.idle = 0.05
    hub.fail("/manifests/", stalls(Event()), count=9)
    with pytest.raises(UpstreamUnavailable, match="does not answer: timed out"):
        adapter.at().manifest(NAME, "latest")
    assert len(hub.requests) == 1


def test_a_manifest_that_stalls_is_asked_for_again(hub, adapter):
    adapter.idle = 0.5
    hub.fail("/manifests/", stalls(Event(), after=10))
    assert adapter.at().manifest(NAME, "latest").raw == NGINX.raw
    assert len(hub.requests) == 2


def test_a_short_rate_limit_is_waited_out(hub, adapter):
    hub.fail("/manifests/", status=429, headers={"Retry-After": "2"})
    assert adapter.at().manifest(NAME, "latest").raw == NGINX.raw
    assert adapter.pauses == [2.0]


def test_an_upstream_that_is_down_for_a_moment_is_asked_again_when_it_says(hub, adapter):
    hub.fail("/manifests/", status=503, headers={"Retry-After": "2"})
    assert adapter.at().manifest(NAME, "latest").raw == NGINX.raw
    assert adapter.pauses == [2.0]


def test_an_upstream_that_will_be_down_for_long_is_asked_once(hub, adapter):
    hub.fail("/manifests/", status=503, headers={"Retry-After": "60"}, count=9)
    with pytest.raises(UpstreamUnavailable) as down:
        adapter.at().manifest(NAME, "latest")
    assert down.value.retry_after == 60
    assert (len(hub.requests), adapter.pauses) == (1, [])


@pytest.mark.parametrize(("headers", "expected"), [({"Retry-After": "3600"}, 3600), ({}, None)])
def test_a_long_rate_limit_is_reported_at_once(hub, adapter, headers, expected):
    hub.fail("/manifests/", status=429, headers=headers, body=LIMIT)
    with pytest.raises(UpstreamTooManyRequests, match="You have reached your pull rate limit") as limited:
        adapter.at().manifest(NAME, "latest")
    assert limited.value.retry_after == expected
    assert (len(hub.requests), adapter.pauses) == (1, [])


def test_an_error_message_of_an_upstream_becomes_one_harmless_line(hub, adapter):
    said = '{"errors":[{"message":"no\\n12:00:00 INFO all is well \\u001b[2J\\u202e"}]}'
    hub.fail("/manifests/", status=429, body=said.encode())
    with pytest.raises(UpstreamTooManyRequests) as limited:
        adapter.at().manifest(NAME, "latest")
    assert limited.value.reason.endswith("answered 429: no 12:00:00 INFO all is well  [2J ")
    assert str(limited.value) == limited.value.reason


@pytest.mark.parametrize("body", [b"<html>", b'{"errors":[]}', b'{"errors":[{"message":7}]}'])
def test_a_rate_limit_needs_no_legible_body(hub, adapter, body):
    hub.fail("/manifests/", status=429, body=body)
    with pytest.raises(UpstreamTooManyRequests, match=r"answered 429$"):
        adapter.at().manifest(NAME, "latest")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:30:00 GMT", 120),
        ("Wed, 21 Oct 2026 07:27:00 GMT", 0),
        (" 5 ", 5),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_upstreams_own_clock(value, seconds):
    assert retry_after({"Retry-After": value, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}) == seconds


def test_a_date_without_a_clock_to_compare_it_with_says_nothing():
    assert retry_after({"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT"}) is None
    assert retry_after({}) is None


def test_connections_are_kept(hub, adapter):
    upstream = adapter.at()
    for number in range(3):
        upstream.manifest(NAME, "latest")
        upstream.head_manifest(NAME, "latest")
        with pytest.raises(UpstreamNotFound):
            upstream.manifest(NAME, f"nowhere-{number}")
    assert len(hub.requests) == 9
    assert hub.connections == 1
