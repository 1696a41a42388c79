"""Cells that need a story: what upstreams send, where they send it from, and what is deleted meanwhile."""

import json
from threading import Event

import pytest

from ecr_emulator.domain.manifest import SCHEMA1, SCHEMA1_SIGNED
from tests.support.faults import answers, cut_after, redirects, with_headers
from tests.support.scripted_upstream import Bearer, ScriptedUpstream
from tests.support.upstream_images import Content, index
from tests.through.matrix.stories import Beside, listing, stopping_at
from tests.through.matrix.world import APP, CHILD, LAYER, NAME, NEWER, TEAM


@pytest.fixture
def elsewhere():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_that_is_kept_elsewhere_is_fetched_there_without_our_credential(at, elsewhere, status):
    here = at("B", auth=Bearer(), mapped={"storage.test": elsewhere.url})
    elsewhere.add_file("/signed", LAYER.raw)
    here.upstream.fail(here.target, redirects("https://storage.test/signed?sig=1", status))
    delivered = here.act()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert here.asked()[-1].authorization.startswith("Bearer ")
    assert [request.authorization for request in elsewhere.requests] == [""]
    here.check_recovery()


@pytest.mark.parametrize("phase", ["C", "B"])
def test_a_presigned_address_that_has_expired_is_asked_for_once_more(at, elsewhere, phase):
    here = at(phase, mapped={"storage.test": elsewhere.url})
    elsewhere.add_file("/signed", LAYER.raw)
    elsewhere.fail("/signed", answers(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>"))
    here.upstream.fail(f"/blobs/{LAYER.digest}", redirects("https://storage.test/signed?sig=1"), times=2)
    here.act()
    assert here.upstream.count("GET", f"/blobs/{LAYER.digest}") == 2
    assert LAYER.digest in here.stored_blobs()
    here.finish_import()
    assert here.told() == "SUCCESS"
    here.check_recovery()


@pytest.mark.parametrize("phase", ["T", "M"])
def test_a_token_that_is_no_longer_good_is_fetched_anew(at, phase):
    here = at(phase, auth=Bearer())
    assert here.get(f"manifests/{CHILD.digest}").said == "200"
    tokens = here.tokens.count("GET", "/token")
    here.upstream.revoke_tokens()
    delivered = here.act()
    assert (delivered.said, delivered.body) == ("200", APP.raw)
    assert here.tokens.count("GET", "/token") == tokens + 1
    here.finish_import()
    assert here.told() == "SUCCESS"
    here.check_recovery()


def test_a_token_that_expires_in_the_middle_of_a_blob_is_fetched_anew_for_its_rest(at):
    here = at("B", auth=Bearer())

    def cut_and_revoke(request, reply):
        here.upstream.revoke_tokens()
        return cut_after(150_000)(request, reply)

    here.upstream.fail(here.target, cut_and_revoke)
    delivered = here.act()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert [request.headers.get("Range") for request in here.asked()] == [None, "bytes=150000-", "bytes=150000-"]
    here.check_recovery()


@pytest.mark.parametrize("phase", ["R", "M"])
def test_a_manifest_of_schema_1_is_refused_once_and_for_all(at, phase):
    """The digest that its registry announces is that of the text without its signatures."""
    here = at(phase)
    document = {"schemaVersion": 1, "name": TEAM, "tag": "v1", "fsLayers": [{"blobSum": LAYER.digest}], "history": []}
    unsigned = Content(json.dumps(document, indent=3).encode(), SCHEMA1)
    old = Content(json.dumps(document | {"signatures": []}, indent=3).encode(), SCHEMA1_SIGNED)
    here.upstream.add_manifest(TEAM, old, "v1")
    here.upstream.fail("/manifests/", with_headers(Docker_Content_Digest=unsigned.digest), times=99)
    here.upstream.add_manifest(TEAM, old, unsigned.digest)
    asked = len(here.upstream.requests)
    delivered = here.act()
    if phase == "R":
        assert (delivered.said, delivered.body) == ("200", APP.raw)
    else:
        assert delivered.said == "404 MANIFEST_UNKNOWN"
        assert b"a manifest of schema 1, which is not pulled through" in delivered.body
        assert here.act().said == "404 MANIFEST_UNKNOWN"
        assert len(here.upstream.requests) == asked + 1
    assert here.told() == "UpstreamUnavailable"
    here.check_store()


def test_an_index_of_nothing_is_an_image(at):
    here = at("M")
    here.upstream.add_manifest(TEAM, index(), "v1")
    assert here.act().body == index().raw
    here.finish_import()
    assert here.told() == "SUCCESS"
    assert here.here.images(NAME) == {index().digest: ["v1"]}
    here.check_store()


def test_indexes_in_indexes_come_to_an_end(at):
    here = at("M")
    inner = listing(APP, CHILD)
    outer = listing(inner, APP)
    here.upstream.add_manifest(TEAM, inner)
    here.upstream.add_manifest(TEAM, outer, "v1")
    assert here.act().body == outer.raw
    here.finish_import()
    assert here.told() == "SUCCESS"
    everything = {outer.digest, inner.digest, APP.digest, *(child.digest for child in APP.images)}
    assert set(here.here.images(NAME)) == everything
    assert here.upstream.count("GET", f"/manifests/{CHILD.digest}") == 1
    here.check_store()


def test_a_sparse_index_is_complete_without_what_the_upstream_does_not_have(at):
    here = at("M")
    here.upstream.remove(TEAM, CHILD.digest)
    assert here.act().body == APP.raw
    here.finish_import()
    assert here.told() == "SUCCESS"
    assert here.get(f"manifests/{CHILD.digest}").said == "404 MANIFEST_UNKNOWN"
    here.upstream.add_image(TEAM, APP, "v1")
    here.check_recovery()


def test_a_tag_that_moves_between_two_requests_does_no_harm(at):
    here = at("R")
    here.upstream.add_image(TEAM, NEWER, "v1")

    def moves_on(request, reply):
        here.upstream.add_image(TEAM, APP, "v1")
        return reply

    here.upstream.fail("HEAD /manifests/v1", moves_on)
    assert here.act().body == NEWER.raw
    assert [f"{each.method} {each.path}" for each in here.asked()[:2]] == [
        f"HEAD /v2/{TEAM}/manifests/v1",
        f"GET /v2/{TEAM}/manifests/{NEWER.digest}",
    ]
    here.finish_import()
    assert here.here.images(NAME)[NEWER.digest] == ["v1"]
    here.check_store()


@pytest.mark.parametrize("phase", ["M", "C", "B"])
def test_what_is_under_way_ends_though_the_rule_is_deleted(at, phase):
    here = at(phase)
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, stopping_at(reached, go_on))
    asking = Beside(here.act)
    assert reached.wait(60)
    here.here.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")
    go_on.set()
    assert asking.result().said == "200"
    here.finish_import()
    assert here.told() == "SUCCESS"
    assert here.here.pull(NAME, "v1") == APP.raw
    here.check_store()


@pytest.mark.parametrize("phase", ["M", "C"])
def test_a_repository_that_is_deleted_during_an_import_stays_deleted(at, phase):
    here = at(phase)
    if phase == "M":
        assert here.act().said == "200"
        here.here.ecr.delete_repository(repositoryName=NAME, force=True)
        here.finish_import()
    else:
        reached, go_on = Event(), Event()
        here.upstream.fail(here.target, stopping_at(reached, go_on))
        here.may_import.set()
        assert reached.wait(60)
        here.here.ecr.delete_repository(repositoryName=NAME, force=True)
        go_on.set()
        here.finish_import()
    assert here.here.repositories() == []
    assert here.get(f"blobs/{LAYER.digest}").said == "404 NAME_UNKNOWN"
    here.here.http.post("/_ecr/gc", json={"grace": "0s"})
    assert here.stored_blobs() == set()
    here.check_recovery()


def test_a_blob_under_way_reaches_its_client_though_the_repository_is_deleted(at):
    here = at("B")
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, stopping_at(reached, go_on, after=150_000))
    asking = Beside(here.act)
    assert reached.wait(60)
    here.here.ecr.delete_repository(repositoryName=NAME, force=True)
    go_on.set()
    delivered = asking.result()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert here.get(f"blobs/{LAYER.digest}").said == "404 NAME_UNKNOWN"
    here.check_recovery()
