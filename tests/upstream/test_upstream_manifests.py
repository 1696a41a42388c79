"""Manifests from an upstream, verified byte for byte."""

import gzip
import hashlib
import json
from dataclasses import replace

import pytest

from ecr_emulator.domain.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamUnavailable, UpstreamUnsupported
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import (
    answers,
    corrupted,
    lengthened_by,
    redirects,
    truncated_to,
    with_headers,
)
from ecr_emulator.testing.upstream.images import Content, image, multi_arch

NAME = "library/nginx"


@pytest.mark.parametrize("docker", [False, True])
def test_a_manifest_arrives_exactly_as_the_upstream_has_it(hub, adapter, docker):
    nginx = image("nginx", docker=docker)
    hub.add_image(NAME, nginx, "1.27")

    by_tag = adapter.at().manifest(NAME, "1.27")
    by_digest = adapter.at().manifest(NAME, nginx.digest)

    assert by_tag == by_digest
    assert (by_tag.raw, by_tag.digest, by_tag.media_type) == (nginx.raw, nginx.digest, nginx.media_type)


def test_one_request_brings_a_manifest_and_accepts_every_kind(hub, adapter):
    index = multi_arch()
    hub.add_image(NAME, index, "latest")

    assert adapter.at().manifest(NAME, "latest").media_type == OCI_INDEX
    (request,) = hub.requests
    accept = [each.strip() for each in request.headers["Accept"].split(",")]
    assert accept[:2] == [OCI_INDEX, OCI_MANIFEST]
    assert accept[-1] == "*/*;q=0.1"
    assert len(accept) == 5
    assert request.headers["Accept-Encoding"] == "identity"


def test_a_tag_is_resolved_with_a_single_head(hub, adapter):
    nginx = image()
    hub.add_image(NAME, nginx, "latest")

    assert adapter.at().head_manifest(NAME, "latest") == (nginx.digest, OCI_MANIFEST, None)
    assert [request.method for request in hub.requests] == ["HEAD"]


@pytest.mark.parametrize(
    "fault",
    [
        *map(answers, (204, 304, 400, 401, 403, 404, 405, 406, 410, 411, 415, 501, 505)),
        with_headers(Docker_Content_Digest=""),
        with_headers(Docker_Content_Digest="sha256:short"),
    ],
)
def test_a_manifest_is_fetched_and_hashed_if_head_gives_no_digest(hub, adapter, fault):
    nginx = image()
    hub.add_image(NAME, nginx, "latest")
    hub.fail("HEAD /manifests/", fault)

    head = adapter.at().head_manifest(NAME, "latest")

    assert (head.digest, head.media_type) == (nginx.digest, OCI_MANIFEST)
    assert head.manifest is not None
    assert head.manifest.raw == nginx.raw, "no further request is needed"
    assert [request.method for request in hub.requests] == ["HEAD", "GET"]


def compressed(request, reply):
    """Compress a document, as some servers do though asked not to."""
    assert request.headers["Accept-Encoding"] == "identity"
    return replace(reply, body=gzip.compress(reply.body), headers=reply.headers | {"Content-Encoding": "gzip"})


@pytest.mark.parametrize("fault", [compressed, with_headers(Content_Encoding="gzip")], ids=["compressed", "said to be"])
def test_the_digest_decides_which_bytes_are_the_manifest(hub, adapter, fault):
    nginx = image()
    hub.add_image(NAME, nginx, "latest")
    hub.auth = Bearer()
    hub.deviation = fault
    upstream = adapter.at()

    assert upstream.manifest(NAME, "latest").raw == nginx.raw
    assert upstream.manifest(NAME, nginx.digest).raw == nginx.raw
    assert upstream.referrers(NAME, nginx.digest) == []


def test_a_manifest_that_grows_without_end_when_it_is_decompressed_is_refused(hub, adapter):
    bomb = gzip.compress(b"{" + b" " * 50_000_000)
    hub.add_manifest(NAME, Content(bomb, OCI_MANIFEST), "latest")
    with pytest.raises(UpstreamUnsupported, match="more than 4 MiB"):
        adapter.at().manifest(NAME, "latest")


def test_a_manifest_without_a_digest_header_is_hashed(hub, adapter):
    nginx = image()
    hub.add_image(NAME, nginx, "latest")
    hub.fail("/manifests/", with_headers(Docker_Content_Digest=""))

    assert adapter.at().manifest(NAME, "latest").digest == nginx.digest


def test_a_sha512_digest_is_verified_as_such(hub, adapter):
    nginx = image()
    hub.add_image(NAME, nginx, "latest")
    digest = "sha512:" + hashlib.sha512(nginx.raw).hexdigest()
    hub.fail("/manifests/", with_headers(Docker_Content_Digest=digest))

    assert adapter.at().manifest(NAME, "latest").digest == digest


@pytest.mark.parametrize(
    "fault",
    [
        corrupted(),
        truncated_to(100),
        lengthened_by(b" "),
        with_headers(Docker_Content_Digest="sha256:" + "0" * 64),
        answers(200, b"<html>Welcome to the hotel</html>", Content_Type="text/html"),
        answers(200, b'["no", "manifest"]', Content_Type=OCI_MANIFEST),
        answers(200, b"[" * 100_000, Content_Type=OCI_MANIFEST),
    ],
    ids=["corrupted", "truncated", "longer", "other digest", "a login page", "a list", "deep nesting"],
)
def test_a_body_that_is_not_the_manifest_is_refused(hub, adapter, fault):
    hub.add_image(NAME, image(), "latest")
    hub.fail("/manifests/", fault)

    with pytest.raises(UpstreamUnavailable, match=r"registry-1\.docker\.io \(http://127\.0\.0\.1:\d+\) sent"):
        adapter.at().manifest(NAME, "latest")


def test_a_manifest_by_digest_is_checked_against_what_was_asked_for(hub, adapter):
    asked, sent = image(1), image(2)
    hub.add_image(NAME, asked)
    hub.fail("/manifests/", answers(200, sent.raw, Docker_Content_Digest=sent.digest))

    with pytest.raises(UpstreamUnavailable, match=asked.digest):
        adapter.at().manifest(NAME, asked.digest)


@pytest.mark.parametrize(("extra", "is_taken"), [(0, True), (1, False)])
def test_a_manifest_may_have_4_mib(hub, adapter, extra, is_taken):
    empty = json.dumps({"mediaType": OCI_MANIFEST, "annotations": {"a": ""}})
    raw = empty.replace('""', f'"{"x" * (4 * 1024 * 1024 - len(empty) + extra)}"').encode()
    hub.add_manifest(NAME, Content(raw, OCI_MANIFEST), "large")

    if is_taken:
        assert adapter.at().manifest(NAME, "large").raw == raw
    else:
        with pytest.raises(UpstreamUnsupported, match="more than 4 MiB"):
            adapter.at().manifest(NAME, "large")


def test_the_media_type_inside_wins_over_the_header(hub, adapter):
    hub.add_image(NAME, image(docker=True), "latest")
    hub.fail("/manifests/", with_headers(Content_Type="text/plain; charset=utf-8"))

    assert adapter.at().manifest(NAME, "latest").media_type == DOCKER_MANIFEST


def test_without_a_media_type_inside_the_header_counts_without_its_parameters(hub, adapter):
    document = json.loads(image().raw)
    del document["mediaType"]
    manifest = Content(json.dumps(document).encode(), f"{OCI_MANIFEST}; charset=utf-8")
    hub.add_manifest(NAME, manifest, "latest")

    assert adapter.at().manifest(NAME, "latest").media_type == OCI_MANIFEST
    assert adapter.at().head_manifest(NAME, "latest").media_type == OCI_MANIFEST


@pytest.mark.parametrize("ask", ["manifest", "head_manifest"])
def test_an_image_that_is_not_there_is_not_found(adapter, ask):
    with pytest.raises(UpstreamNotFound, match=f"has no {NAME} nowhere"):
        getattr(adapter.at(), ask)(NAME, "nowhere")


def test_manifests_may_be_redirected(hub, adapter, new_upstream):
    regional = new_upstream()
    nginx = image()
    regional.add_image(NAME, nginx, "latest")
    adapter.addresses["us-docker.pkg.dev"] = regional.url
    hub.fail("/manifests/", redirects(f"https://us-docker.pkg.dev/v2/{NAME}/manifests/latest"), count=2)

    assert adapter.at().manifest(NAME, "latest").raw == nginx.raw
    assert adapter.at().head_manifest(NAME, "latest").digest == nginx.digest
