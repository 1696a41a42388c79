"""Listings of referrers from an upstream: its API page by page, or the index under the fallback tag."""

import hashlib
import json

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX
from ecr_emulator.domain.referrer import Referrer, fallback_tag
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamFailure, UpstreamUnavailable
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import answers, hang_up, redirects, with_headers
from ecr_emulator.testing.upstream.images import SIGNATURE, Content, artifact, image, multi_arch

NAME = "library/nginx"
SUBJECT = image("subject")


def an_index(*descriptors):
    return Content(json.dumps({"schemaVersion": 2, "manifests": list(descriptors)}).encode(), OCI_INDEX)


def digests(referrers):
    return [each.digest for each in referrers]


@pytest.fixture
def signatures(hub):
    signatures = sorted((artifact(SUBJECT, seed) for seed in range(5)), key=lambda each: each.digest)
    for each in signatures:
        hub.add_image(NAME, each)
    return signatures


def test_a_referrer_is_described_as_the_upstream_describes_it(hub, adapter):
    signature = artifact(SUBJECT, annotations={"made": "today"})
    hub.add_image(NAME, signature)
    assert adapter.at().referrers(NAME, SUBJECT.digest) == [
        Referrer(signature.digest, signature.media_type, signature.size, SIGNATURE, {"made": "today"})
    ]
    assert [request.headers["Accept"] for request in hub.requests] == [OCI_INDEX]


def test_all_pages_are_read(hub, adapter, signatures):
    hub.referrers_page = 2
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == digests(signatures)
    assert hub.count("GET", "/referrers/") == 3


def test_the_next_page_may_be_named_with_the_upstreams_full_address(hub, adapter, signatures):
    hub.referrers_page = 3
    path = f"/v2/{NAME}/referrers/{SUBJECT.digest}?last={signatures[2].digest}"
    hub.fail("/referrers/", with_headers(Link=f'<{hub.url}{path}>; title="more"; rel="next"'))
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == digests(signatures)


@pytest.mark.parametrize("link", ["https://elsewhere.example/v2/", "http://169.254.169.254/", "ftp://x/"])
def test_a_listing_goes_on_at_no_other_registry(hub, adapter, link):
    hub.fail("/referrers/", with_headers(Link=f'<{link}>; rel="next"'))
    with pytest.raises(UpstreamUnavailable, match="at another registry"):
        adapter.at().referrers(NAME, SUBJECT.digest)


def test_a_listing_without_end_is_given_up(hub, adapter, signatures):
    hub.fail("/referrers/", with_headers(Link=f'</v2/{NAME}/referrers/{SUBJECT.digest}>; rel="next"'), count=1_000)
    with pytest.raises(UpstreamUnavailable, match="has no end"):
        adapter.at().referrers(NAME, SUBJECT.digest)
    assert hub.count("GET", "/referrers/") == 100


def test_a_page_that_breaks_off_is_asked_for_again(hub, adapter, signatures):
    hub.referrers_page = 2
    hub.fail("/referrers/", hang_up(), skip=1)
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == digests(signatures)


def test_one_page_that_fails_fails_the_listing(hub, adapter, signatures):
    hub.referrers_page = 2
    hub.fail("/referrers/", answers(500), skip=1, count=99)
    with pytest.raises(UpstreamUnavailable):
        adapter.at().referrers(NAME, SUBJECT.digest)


@pytest.mark.parametrize("status", [404, 405])
def test_without_the_api_the_index_under_the_fallback_tag_counts(hub, adapter, status):
    signature = artifact(SUBJECT)
    hub.fail("/referrers/", answers(status), count=99)
    hub.add_manifest(NAME, an_index(signature.descriptor), SUBJECT.digest.replace(":", "-"))
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == [signature.digest]


def test_without_api_and_tag_nothing_refers_to_a_digest(hub, adapter):
    hub.referrers_page = 0
    assert adapter.at().referrers(NAME, SUBJECT.digest) == []
    assert [request.path.rpartition("/")[2] for request in hub.requests] == [
        SUBJECT.digest,
        SUBJECT.digest.replace(":", "-"),
    ]


def test_an_image_under_the_fallback_tag_is_no_listing(hub, adapter):
    hub.referrers_page = 0
    hub.add_image(NAME, image("coincidence"), SUBJECT.digest.replace(":", "-"))
    assert adapter.at().referrers(NAME, SUBJECT.digest) == []


def test_the_fallback_tag_failing_is_a_failure_and_no_empty_listing(hub, adapter):
    hub.referrers_page = 0
    hub.fail("/manifests/", answers(503), count=99)
    with pytest.raises(UpstreamUnavailable):
        adapter.at().referrers(NAME, SUBJECT.digest)


def test_entries_that_are_no_descriptors_are_passed_over(hub, adapter):
    good = artifact(SUBJECT).descriptor
    bad = [
        None,
        "text",
        {},
        good | {"digest": "sha256:short"},
        good | {"digest": 7},
        good | {"size": -1},
        good | {"size": True},
        good | {"mediaType": None},
        good | {"mediaType": "half a \ud800 character"},
    ]
    odd = good | {"annotations": {"a": 1, "b": "x"}, "artifactType": ["no"]}
    hub.fail("/referrers/", answers(200, an_index(*bad, odd, good).raw))
    (found,) = adapter.at().referrers(NAME, SUBJECT.digest)
    assert (found.digest, found.artifact_type, found.annotations) == (good["digest"], None, {})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"{" + b" " * 4_194_304 + b"}", b"[" * 100_000])
def test_a_body_that_is_no_index_is_a_failure(hub, adapter, body):
    hub.fail("/referrers/", answers(200, body), count=99)
    with pytest.raises(UpstreamUnavailable, match=r"index|4 MiB"):
        adapter.at().referrers(NAME, SUBJECT.digest)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_refusal_of_the_upstream_is_a_failure(hub, adapter, status):
    hub.fail("/referrers/", answers(status, Retry_After="3600"), count=99)
    with pytest.raises(UpstreamFailure):
        adapter.at().referrers(NAME, SUBJECT.digest)


def test_the_credential_signs_in_for_every_page(hub, adapter, signatures):
    hub.auth = Bearer(("user", "token"))
    hub.referrers_page = 2
    found = adapter.at(credential=Credential("user", "token")).referrers(NAME, SUBJECT.digest)
    assert digests(found) == digests(signatures)
    assert hub.count("GET", "/token") == 1
    with pytest.raises(UpstreamAccessDenied):
        adapter.at(credential=Credential("user", "wrong")).referrers(NAME, SUBJECT.digest)


def test_redirects_are_followed(hub, adapter, signatures):
    hub.fail("/referrers/", redirects(f"/v2/{NAME}/referrers/{SUBJECT.digest}?moved=1"))
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == digests(signatures)


@pytest.mark.parametrize("hashed_with", ["sha256", "sha512"])
@pytest.mark.parametrize("has_api", [True, False], ids=["by its api", "by the fallback tag"])
def test_an_index_that_is_the_subject_itself_is_no_list_of_referrers(hub, adapter, has_api, hashed_with):
    """GitLab returns the image itself for its fallback tag."""
    subject = multi_arch("subject")
    digest = f"{hashed_with}:{hashlib.new(hashed_with, subject.raw).hexdigest()}"
    hub.add_image(NAME, subject, fallback_tag(digest))
    hub.referrers_page = 0
    if has_api:
        hub.fail("/referrers/", answers(200, subject.raw, Content_Type=OCI_INDEX))
    assert adapter.at().referrers(NAME, digest) == []


def test_no_image_refers_to_itself(hub, adapter):
    signature = artifact(SUBJECT)
    hub.referrers_page = 0
    hub.add_manifest(NAME, an_index(SUBJECT.descriptor, signature.descriptor), fallback_tag(SUBJECT.digest))
    assert digests(adapter.at().referrers(NAME, SUBJECT.digest)) == [signature.digest]
