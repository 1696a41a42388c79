"""Pauses in which an upstream is not asked: their causes, their lengths, and their exceptions."""

import ssl
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from threading import Event, Semaphore
from unittest.mock import patch

import pytest
import requests

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamNotFound,
    UpstreamUnavailable,
)
from ecr_emulator.system import SystemClock, spread
from ecr_emulator.testing.upstream.auth import Basic, Bearer
from ecr_emulator.testing.upstream.faults import answers, hang_up, redirects, stalls
from ecr_emulator.testing.upstream.images import layer
from ecr_emulator.upstream.concurrency import BLOBS_PER_HOST, REQUESTS_PER_HOST, ConcurrencyLimit
from ecr_emulator.upstream.failure_cache import KEPT, FailureCache
from ecr_emulator.upstream.retries import AttemptFailed, Payload, Retries
from tests.support.clock import FrozenClock
from tests.support.upstream_adapter import CREDENTIAL, HUB, NAME, NGINX, SECRET, a_rule, later, outcome

pytestmark = pytest.mark.usefixtures("nginx")


def announced(arrived, fault):
    """A fault that signals when a request has arrived."""

    def and_say_so(request, reply):
        arrived.release()
        return fault(request, reply)

    return and_say_so


# --- Circuit breakers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [answers(503), hang_up()], ids=["503", "hangs up"])
def test_after_five_failures_in_a_row_the_sixth_pull_asks_nothing(hub, adapter, fault):
    upstream = adapter.at()
    hub.fail("/manifests/", fault, count=99)
    failures = [outcome(upstream) for _ in range(5)]
    assert {type(failure) for failure in failures} == {UpstreamUnavailable}
    asked = len(hub.requests)
    assert asked == 15

    sixth = outcome(upstream)

    assert len(hub.requests) == asked
    assert sixth.reason == (
        f"{HUB} failed 5 times in a row and is not asked for 30 seconds; its last failure: {failures[-1].reason}"
    )
    assert sixth.retry_after == 30
    later(adapter, seconds=20)
    assert outcome(upstream).retry_after == 10
    assert len(hub.requests) == asked


def test_after_the_rest_one_request_finds_out_whether_the_host_is_back(hub, adapter):
    upstream = adapter.at()
    hub.fail("/manifests/", status=500, count=16)
    for _ in range(5):
        outcome(upstream)
    later(adapter, seconds=30)

    assert isinstance(outcome(upstream), UpstreamUnavailable)
    assert len(hub.requests) == 16, "no second try, and no other request"
    outcome(upstream)
    assert len(hub.requests) == 16, "the breaker is open for another while"

    later(adapter, seconds=30)
    assert outcome(upstream).raw == NGINX.raw
    assert outcome(upstream).raw == NGINX.raw


def test_only_one_of_many_finds_out_whether_the_host_is_back(hub, adapter):
    upstream = adapter.at()
    hub.fail("/manifests/", status=500, count=15)
    for _ in range(5):
        outcome(upstream)
    later(adapter, seconds=30)
    arrived, go_on = Semaphore(0), Event()
    hub.fail("/manifests/", announced(arrived, stalls(go_on)))
    with ThreadPoolExecutor(1) as thread:
        probe = thread.submit(outcome, upstream)
        assert arrived.acquire(timeout=60)
        others = [outcome(upstream) for _ in range(3)]
        go_on.set()
        assert probe.result().raw == NGINX.raw
    assert {(type(other), other.retry_after) for other in others} == {(UpstreamUnavailable, 1.0)}
    assert len(hub.requests) == 16


@pytest.mark.parametrize("status", [200, 404, 429], ids=["found", "not found", "busy"])
def test_an_answer_ends_the_row_of_failures(hub, adapter, status):
    upstream = adapter.at()
    for number in range(6):
        hub.fail("/manifests/", status=503, count=12)
        for _ in range(4):
            assert isinstance(outcome(upstream), UpstreamUnavailable)
        if status != 200:
            hub.fail("/manifests/", status=status)
        outcome(upstream, "latest" if status == 200 else f"v{number}")
        later(adapter, seconds=10)
    assert len(hub.requests) == 6 * 13


def test_a_host_that_answers_with_a_refused_redirect_is_available_again(hub, adapter):
    upstream = adapter.at()
    hub.fail("/manifests/", status=500, count=15)
    for _ in range(5):
        outcome(upstream)
    later(adapter, seconds=30)
    hub.fail("/manifests/", redirects("https://169.254.169.254/"))
    assert "private network" in outcome(upstream).reason
    assert outcome(upstream).raw == NGINX.raw


def test_the_breaker_of_a_storage_host_leaves_the_registry_reachable(hub, adapter, new_upstream):
    cdn = new_upstream()
    adapter.addresses["cdn.docker.com"] = cdn.url
    hub.fail("/blobs/", redirects("https://cdn.docker.com/b"), count=99)
    cdn.fail("/b", status=503, count=99)
    upstream, blob = adapter.at(), layer("blob")
    for _ in range(6):
        with pytest.raises(UpstreamUnavailable):
            list(upstream.blob(NAME, blob.digest, blob.size))
    assert len(cdn.requests) == 15
    assert outcome(upstream).raw == NGINX.raw


def test_a_token_service_that_fails_is_left_alone_too(hub, adapter, new_upstream):
    tokens = new_upstream()
    adapter.addresses["auth.docker.io"] = tokens.url
    hub.auth = Bearer(realm="https://auth.docker.io/token")
    tokens.fail("/token", status=500, count=99)
    upstream = adapter.at()
    for _ in range(6):
        assert "auth.docker.io" in outcome(upstream).reason
    assert len(tokens.requests) == 15


def test_a_certificate_that_is_not_trusted_counts_as_a_failure_and_is_not_tried_again(hub, adapter):
    upstream = adapter.at()
    untrusted = ssl.SSLCertVerificationError(1, "self-signed certificate")
    with patch("requests.Session.request", side_effect=requests.exceptions.SSLError(untrusted)) as sent:
        for _ in range(5):
            assert outcome(upstream).reason.endswith("cannot be reached: self-signed certificate")
        assert "is not asked for 30 seconds" in outcome(upstream).reason
    assert (sent.call_count, adapter.pauses) == (5, [])


# --- NegativeCache ---------------------------------------------------------------------------------------


def test_a_missing_manifest_is_not_requested_again_for_five_seconds(hub, adapter):
    upstream = adapter.at()
    first, again = outcome(upstream, "nowhere"), outcome(upstream, "nowhere")
    assert (type(first), first.reason) == (type(again), again.reason)
    assert first.retry_after is again.retry_after is None
    assert isinstance(first, UpstreamNotFound)
    assert len(hub.requests) == 1
    assert outcome(upstream).raw == NGINX.raw, "only this tag is missing"

    hub.add_image(NAME, NGINX, "nowhere")
    later(adapter, seconds=4)
    assert isinstance(outcome(upstream, "nowhere"), UpstreamNotFound)
    later(adapter, seconds=1)
    assert outcome(upstream, "nowhere").raw == NGINX.raw


def test_a_blob_that_is_not_there_is_not_asked_for_again_for_five_seconds(hub, adapter):
    upstream, blob = adapter.at(), layer("blob")
    for _ in range(3):
        with pytest.raises(UpstreamNotFound):
            list(upstream.blob(NAME, blob.digest, blob.size))
    assert len(hub.requests) == 1
    hub.add_blobs(NAME, blob)
    later(adapter, seconds=5)
    assert b"".join(upstream.blob(NAME, blob.digest, blob.size)) == blob.raw


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_request_is_not_repeated_for_ten_seconds(hub, adapter, status):
    hub.fail("/manifests/", status=status)
    upstream = adapter.at(credential=CREDENTIAL)
    assert isinstance(outcome(upstream), UpstreamAccessDenied)
    later(adapter, seconds=9)
    assert isinstance(outcome(upstream), UpstreamAccessDenied)
    assert (hub.count("GET", "/manifests/"), hub.count("GET")) == (1, 2), "once at /v2/, for a challenge"
    later(adapter, seconds=1)
    assert outcome(upstream).raw == NGINX.raw


def test_a_changed_rule_and_a_changed_secret_have_missed_nothing(hub, adapter):
    hub.auth = Basic(*CREDENTIAL)
    upstreams, rule = adapter.upstreams(), a_rule(credential_arn=SECRET)
    adapter.secrets.held = Credential("somebody", "wrong")
    assert isinstance(outcome(upstreams.at(rule)), UpstreamAccessDenied)
    asked = len(hub.requests)

    adapter.secrets.held = CREDENTIAL
    assert outcome(upstreams.at(rule)).raw == NGINX.raw
    adapter.secrets.held = Credential("somebody", "wrong")
    assert isinstance(outcome(upstreams.at(rule)), UpstreamAccessDenied)
    assert len(hub.requests) == asked + 1

    changed = replace(rule, updated_at=rule.updated_at + timedelta(seconds=1))
    assert isinstance(outcome(upstreams.at(changed)), UpstreamAccessDenied)
    assert len(hub.requests) > asked + 1


def test_failures_are_forgotten_when_there_are_too_many():
    clock = FrozenClock()
    refusals = FailureCache(clock.elapsed)
    for number in range(KEPT + 5):
        refusals.remember(number, UpstreamNotFound("no"), 10 if number else 20, refusals.now())
    assert [refusals.left(number) > 0 for number in (0, 4, 5, KEPT + 4)] == [False, False, True, True]
    clock.advance(timedelta(seconds=10))
    refusals.remember("new", UpstreamNotFound("no"), 10, refusals.now())
    assert len(refusals._entries) == 1


def test_a_failure_is_as_old_as_the_request():
    clock = FrozenClock()
    refusals = FailureCache(clock.elapsed)
    asked = refusals.now()
    clock.advance(timedelta(seconds=6))
    refusals.remember("app", UpstreamNotFound("no"), 10, asked)
    assert refusals.left("app") == 4


def test_a_failure_of_a_request_that_was_under_way_when_failures_were_forgotten_is_not_remembered():
    refusals = FailureCache(FrozenClock().elapsed)
    asked = refusals.now()
    refusals.forget(lambda subject: True)
    refusals.remember("app", UpstreamNotFound("no"), 10, asked)
    assert refusals.left("app") == 0


# --- Pauses and concurrency ------------------------------------------------------------------------------


def test_the_pauses_of_clients_differ():
    factors = {spread() for _ in range(100)}
    assert len(factors) > 90
    assert min(factors) >= 0.8
    assert max(factors) <= 1.2


def test_pauses_are_measured_by_a_monotonic_clock():
    clock = SystemClock()
    before = clock.elapsed()
    clock.advance(timedelta(hours=1))
    with patch.object(SystemClock, "now", side_effect=AssertionError("the time of day is asked")):
        assert 3_600 <= clock.elapsed() - before < 3_660


def test_pauses_differ_but_a_pause_that_was_asked_for_is_kept():
    pauses = []
    retries = Retries(pause=pauses.append, spread=lambda: 1.2, first_pause=0.5)
    causes = iter([None, 3.0, None])

    def attempt():
        raise AttemptFailed(UpstreamUnavailable("no"), next(causes))

    with pytest.raises(AttemptFailed):
        retries.run(attempt)
    assert pauses == [0.6, 3.0]


def test_a_host_takes_eight_requests_of_which_six_are_for_blobs():
    limit, threads = ConcurrencyLimit(), ThreadPoolExecutor(20)
    blobs = {threads.submit(limit.take, Payload.BLOB) for _ in range(BLOBS_PER_HOST + 1)}
    taken = [done.result() for done in islice(as_completed(blobs, timeout=60), BLOBS_PER_HOST)]
    documents = [limit.take(Payload.DOCUMENT) for _ in range(REQUESTS_PER_HOST - BLOBS_PER_HOST)]
    waiting = threads.submit(limit.take, Payload.DOCUMENT)
    assert sum(blob.done() for blob in blobs) == BLOBS_PER_HOST
    assert not waiting.done()

    for give_back in documents:
        give_back()
        give_back()
    waiting.result(5)()
    for give_back in taken:
        give_back()
    assert len(wait(blobs, timeout=60).done) == BLOBS_PER_HOST + 1
    threads.shutdown()


def test_a_manifest_does_not_wait_behind_blobs(hub, adapter):
    arrived, go_on = Semaphore(0), Event()
    blobs = [layer(number) for number in range(BLOBS_PER_HOST + 4)]
    hub.add_blobs(NAME, *blobs)
    hub.fail("/blobs/", announced(arrived, stalls(go_on, after=10)), count=99)
    upstream = adapter.at()

    def download(blob):
        return b"".join(upstream.blob(NAME, blob.digest, blob.size))

    with ThreadPoolExecutor(len(blobs)) as threads:
        downloads = [threads.submit(download, blob) for blob in blobs]
        for _ in range(BLOBS_PER_HOST):
            assert arrived.acquire(timeout=60)
        assert upstream.manifest(NAME, "latest").raw == NGINX.raw
        assert hub.count("GET", "/blobs/") == BLOBS_PER_HOST
        go_on.set()
        assert [each.result() for each in downloads] == [blob.raw for blob in blobs]
    assert hub.connections <= REQUESTS_PER_HOST


def test_a_reader_that_leaves_a_blob_returns_its_connection(hub, adapter):
    large = layer("large", 2_000_000)
    hub.add_blobs(NAME, large)
    upstream = adapter.at()
    for _ in range(REQUESTS_PER_HOST + 1):
        chunks = upstream.blob(NAME, large.digest, large.size)
        next(chunks)
        chunks.close()
    assert b"".join(upstream.blob(NAME, large.digest, large.size)) == large.raw
