"""Cells that need a story: unusual answers and redirects of upstreams, and deletions during a pull."""

import json
from threading import Event

import pytest

from ecr_emulator.domain.manifest import SCHEMA1, SCHEMA1_SIGNED
from ecr_emulator.testing.upstream.auth import Bearer
from ecr_emulator.testing.upstream.faults import answers, cut_after, redirects, with_headers
from ecr_emulator.testing.upstream.images import Content, index
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.pull_through.matrix.scenario import APP, CHILD, LAYER, NAME, NEWER, TEAM
from tests.pull_through.matrix.stories import Beside, listing, stopping_at


@pytest.fixture
def elsewhere():
    with ScriptedUpstream() as registry:
        yield registry


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_that_is_kept_elsewhere_is_fetched_there_without_our_credential(at, elsewhere, status):
    scenario = at("B", auth=Bearer(), mapped={"storage.test": elsewhere.url})
    elsewhere.add_file("/signed", LAYER.raw)
    scenario.upstream.fail(scenario.target, redirects("https://storage.test/signed?sig=1", status))
    delivered = scenario.act()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert scenario.asked()[-1].authorization.startswith("Bearer ")
    assert [request.authorization for request in elsewhere.requests] == [""]
    scenario.check_recovery()


@pytest.mark.parametrize("phase", ["C", "B"])
def test_a_presigned_address_that_has_expired_is_asked_for_once_more(at, elsewhere, phase):
    scenario = at(phase, mapped={"storage.test": elsewhere.url})
    elsewhere.add_file("/signed", LAYER.raw)
    elsewhere.fail("/signed", answers(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>"))
    scenario.upstream.fail(f"/blobs/{LAYER.digest}", redirects("https://storage.test/signed?sig=1"), count=2)
    scenario.act()
    assert scenario.upstream.count("GET", f"/blobs/{LAYER.digest}") == 2
    assert LAYER.digest in scenario.stored_blobs()
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    scenario.check_recovery()


@pytest.mark.parametrize("phase", ["T", "M"])
def test_a_token_that_is_no_longer_good_is_fetched_anew(at, phase):
    scenario = at(phase, auth=Bearer())
    assert scenario.get(f"manifests/{CHILD.digest}").said == "200"
    tokens = scenario.tokens.count("GET", "/token")
    scenario.upstream.revoke_tokens()
    delivered = scenario.act()
    assert (delivered.said, delivered.body) == ("200", APP.raw)
    assert scenario.tokens.count("GET", "/token") == tokens + 1
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    scenario.check_recovery()


def test_a_token_that_expires_in_the_middle_of_a_blob_is_fetched_anew_for_its_rest(at):
    scenario = at("B", auth=Bearer())

    def cut_and_revoke(request, reply):
        scenario.upstream.revoke_tokens()
        return cut_after(150_000)(request, reply)

    scenario.upstream.fail(scenario.target, cut_and_revoke)
    delivered = scenario.act()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert [request.headers.get("Range") for request in scenario.asked()] == [None, "bytes=150000-", "bytes=150000-"]
    scenario.check_recovery()


@pytest.mark.parametrize("phase", ["R", "M"])
def test_a_manifest_of_schema_1_is_refused_once_and_for_all(at, phase):
    """The digest that its registry announces is that of the text without its signatures."""
    scenario = at(phase)
    document = {"schemaVersion": 1, "name": TEAM, "tag": "v1", "fsLayers": [{"blobSum": LAYER.digest}], "history": []}
    unsigned = Content(json.dumps(document, indent=3).encode(), SCHEMA1)
    old = Content(json.dumps(document | {"signatures": []}, indent=3).encode(), SCHEMA1_SIGNED)
    scenario.upstream.add_manifest(TEAM, old, "v1")
    scenario.upstream.fail("/manifests/", with_headers(Docker_Content_Digest=unsigned.digest), count=99)
    scenario.upstream.add_manifest(TEAM, old, unsigned.digest)
    asked = len(scenario.upstream.requests)
    delivered = scenario.act()
    if phase == "R":
        assert (delivered.said, delivered.body) == ("200", APP.raw)
    else:
        assert delivered.said == "404 MANIFEST_UNKNOWN"
        assert b"a manifest of schema 1, which is not pulled through" in delivered.body
        assert scenario.act().said == "404 MANIFEST_UNKNOWN"
        assert len(scenario.upstream.requests) == asked + 1
    assert scenario.told() == "UpstreamUnavailable"
    scenario.check_store()


def test_an_index_of_nothing_is_an_image(at):
    scenario = at("M")
    scenario.upstream.add_manifest(TEAM, index(), "v1")
    assert scenario.act().body == index().raw
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    assert scenario.cache.images(NAME) == {index().digest: ["v1"]}
    scenario.check_store()


def test_indexes_in_indexes_come_to_an_end(at):
    scenario = at("M")
    inner = listing(APP, CHILD)
    outer = listing(inner, APP)
    scenario.upstream.add_manifest(TEAM, inner)
    scenario.upstream.add_manifest(TEAM, outer, "v1")
    assert scenario.act().body == outer.raw
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    everything = {outer.digest, inner.digest, APP.digest, *(child.digest for child in APP.images)}
    assert set(scenario.cache.images(NAME)) == everything
    assert scenario.upstream.count("GET", f"/manifests/{CHILD.digest}") == 1
    scenario.check_store()


def test_a_sparse_index_is_complete_without_what_the_upstream_does_not_have(at):
    scenario = at("M")
    scenario.upstream.remove(TEAM, CHILD.digest)
    assert scenario.act().body == APP.raw
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    assert scenario.get(f"manifests/{CHILD.digest}").said == "404 MANIFEST_UNKNOWN"
    scenario.upstream.add_image(TEAM, APP, "v1")
    scenario.check_recovery()


def test_a_tag_that_moves_between_two_requests_does_no_harm(at):
    scenario = at("R")
    scenario.upstream.add_image(TEAM, NEWER, "v1")

    def moves_on(request, reply):
        scenario.upstream.add_image(TEAM, APP, "v1")
        return reply

    scenario.upstream.fail("HEAD /manifests/v1", moves_on)
    assert scenario.act().body == NEWER.raw
    assert [f"{each.method} {each.path}" for each in scenario.asked()[:2]] == [
        f"HEAD /v2/{TEAM}/manifests/v1",
        f"GET /v2/{TEAM}/manifests/{NEWER.digest}",
    ]
    scenario.finish_import()
    assert scenario.cache.images(NAME)[NEWER.digest] == ["v1"]
    scenario.check_store()


@pytest.mark.parametrize("phase", ["M", "C", "B"])
def test_an_import_under_way_ends_though_the_rule_is_deleted(at, phase):
    scenario = at(phase)
    reached, go_on = Event(), Event()
    scenario.upstream.fail(scenario.target, stopping_at(reached, go_on))
    asking = Beside(scenario.act)
    assert reached.wait(60)
    scenario.cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="cache")
    go_on.set()
    assert asking.result().said == "200"
    scenario.finish_import()
    assert scenario.told() == "SUCCESS"
    assert scenario.cache.pull(NAME, "v1") == APP.raw
    scenario.check_store()


@pytest.mark.parametrize("phase", ["M", "C"])
def test_a_repository_that_is_deleted_during_an_import_stays_deleted(at, phase):
    scenario = at(phase)
    if phase == "M":
        assert scenario.act().said == "200"
        scenario.cache.ecr.delete_repository(repositoryName=NAME, force=True)
        scenario.finish_import()
    else:
        reached, go_on = Event(), Event()
        scenario.upstream.fail(scenario.target, stopping_at(reached, go_on))
        scenario.may_import.set()
        assert reached.wait(60)
        scenario.cache.ecr.delete_repository(repositoryName=NAME, force=True)
        go_on.set()
        scenario.finish_import()
    assert scenario.cache.repositories() == []
    assert scenario.get(f"blobs/{LAYER.digest}").said == "404 NAME_UNKNOWN"
    scenario.cache.http.post("/_ecr/gc", json={"grace": "0s"})
    assert scenario.stored_blobs() == set()
    scenario.check_recovery()


def test_a_blob_under_way_reaches_its_client_though_the_repository_is_deleted(at):
    scenario = at("B")
    reached, go_on = Event(), Event()
    scenario.upstream.fail(scenario.target, stopping_at(reached, go_on, after=150_000))
    asking = Beside(scenario.act)
    assert reached.wait(60)
    scenario.cache.ecr.delete_repository(repositoryName=NAME, force=True)
    go_on.set()
    delivered = asking.result()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert scenario.get(f"blobs/{LAYER.digest}").said == "404 NAME_UNKNOWN"
    scenario.check_recovery()
