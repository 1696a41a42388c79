"""The first pull brings in a part of an image; an import brings in the rest."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Event

import pytest

from ecr_emulator.testing.upstream.faults import answers, corrupted, stalls, with_headers
from ecr_emulator.testing.upstream.images import artifact, image, layer, multi_arch
from tests.support.boto import client_of
from tests.support.pull_through import ACCOUNT, running_cache

NAME = "quay/team/app"


@pytest.fixture(params=["manifests", "lazy"])
def mode(request):
    return request.param


@pytest.fixture
def sparing(upstream, mode):
    """An emulator that does not import in full."""
    with running_cache(upstream, import_mode=mode) as cache:
        cache.rule()
        yield cache


def import_v1(cache):
    answer = cache.manifest(NAME, "v1")
    cache.settle()
    assert answer.status_code == 200
    return cache.images(NAME)


# --- Modes -------------------------------------------------------------------------------------------------


def test_lazy_imports_fetch_only_the_parts_that_clients_request(upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, import_mode="lazy") as cache:
        cache.rule()
        assert import_v1(cache) == {app.digest: ["v1"]}
        assert len(upstream.requests) == 1
        one = app.images[0]
        cache.pull(NAME, one.digest)
        cache.settle()
        assert cache.images(NAME) == {app.digest: ["v1"], one.digest: []}
        assert upstream.count("GET", "/manifests/") == 2
        assert upstream.count("GET", "/blobs/") == len(one.blobs)


def test_importing_manifests_leaves_only_layers_to_requests_of_clients(upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, import_mode="manifests") as cache:
        cache.rule()
        assert set(import_v1(cache)) == {app.digest, *(each.digest for each in app.images)}
        fetched = {request.path.rpartition("/")[2] for request in upstream.asked("GET", "/blobs/")}
        assert fetched == {each.config.digest for each in app.images}
        cache.pull(NAME, app.images[1].digest)
        assert upstream.count("GET", "/blobs/") == 3


def test_an_image_that_is_not_imported_in_full_is_pulled_in_full(sparing, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    assert sparing.pull(NAME, "v1") == app.raw
    sparing.settle()
    upstream.stop()
    assert sparing.pull(NAME, "v1") == app.raw
    (event,) = sparing.events()
    assert event["sync-status"] == "SUCCESS"


def test_the_next_check_imports_the_parts_that_another_mode_left_out(upstream, tmp_path, mode):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, tmp_path / "state", import_mode=mode) as cache:
        cache.rule()
        import_v1(cache)
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.advance(hours=25)
        assert cache.manifest(NAME, "v1").status_code == 200
        cache.settle()
        upstream.stop()
        assert cache.pull(NAME, "v1") == app.raw


def test_a_sparing_emulator_does_not_change_its_mind_at_a_check(sparing, upstream):
    upstream.add_image("team/app", multi_arch(), "v1")
    import_v1(sparing)
    upstream.requests.clear()
    sparing.advance(hours=25)
    import_v1(sparing)
    assert [request.method for request in upstream.requests] == ["HEAD"]


def test_three_parts_of_one_image_are_fetched_at_the_same_time(cache, upstream):
    app = image("wide", *(layer(number) for number in range(11)))
    upstream.add_image("team/app", app, "v1")
    at_once, most, together = [], [], Barrier(3)

    def meet_the_others(request, reply):
        at_once.append(request)
        most.append(len(at_once))
        together.wait(timeout=10)
        at_once.remove(request)
        return reply

    upstream.fail("/blobs/", meet_the_others, count=99)
    cache.rule()
    import_v1(cache)
    assert max(most) == 3
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


def test_imports_from_one_upstream_share_a_limit(upstream, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.pull_through.imports.PARTS_PER_HOST", 1)
    met, together = [], Barrier(2)

    def meet_another(request, reply):
        with suppress(BrokenBarrierError):  # nobody else came
            met.append(together.wait(timeout=0.05))
        return reply

    upstream.fail("/blobs/", meet_another, count=99)
    with running_cache(upstream) as cache:
        cache.rule()
        for number in range(3):
            upstream.add_image("team/app", image(number), f"v{number}")
            cache.manifest(NAME, f"v{number}")
        cache.settle()
        assert upstream.count("GET", "/blobs/") == 6
    assert met == []


# --- What went wrong, and how it is made good --------------------------------------------------------------


def test_one_child_that_fails_holds_up_no_other(cache, upstream):
    app = multi_arch(architectures=("amd64", "arm64", "s390x"))
    bad, *good = app.images
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/manifests/{bad.digest}", corrupted(), count=99)
    cache.rule()
    assert set(import_v1(cache)) == {app.digest, *(each.digest for each in good)}
    event = cache.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "UpstreamUnavailable")
    assert bad.digest in event["failure-reason"]
    upstream.heal()
    assert cache.pull(NAME, "v1") == app.raw, "who asks for the child gets it"


def test_an_import_that_failed_goes_on_when_the_tag_is_found_unchanged(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    upstream.fail(f"/manifests/{app.images[0].digest}", answers(403), count=99)
    upstream.fail(f"/blobs/{app.images[1].layers[0].digest}", answers(404), count=99)
    cache.rule()
    import_v1(cache)
    assert cache.events()[-1]["sync-status"] == "FAILED"
    upstream.heal()
    upstream.requests.clear()
    cache.advance(hours=25)
    import_v1(cache)
    assert cache.events()[-1]["sync-status"] == "SUCCESS"
    first, second = app.images
    asked = Counter((request.method, request.path.rpartition("/")[2]) for request in upstream.requests)
    fetched = [first.digest, *(blob.digest for blob in first.blobs), second.layers[0].digest]
    assert asked == Counter([("HEAD", "v1"), *(("GET", digest) for digest in fetched)]), "only what was missing"


def test_an_import_that_was_cut_off_goes_on_with_the_next_pull_after_the_restart(upstream, tmp_path):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    never = Event()
    upstream.fail(f"/manifests/{app.images[1].digest}", stalls(never))
    with running_cache(upstream, tmp_path / "state") as cache:
        cache.rule()
        cache.manifest(NAME, "v1")
        cache.pull(NAME, app.images[0].digest)
    never.set()
    upstream.requests.clear()
    with running_cache(upstream, tmp_path / "state") as cache:
        assert app.images[1].digest not in cache.images(NAME)
        cache.manifest(NAME, "v1")
        cache.settle()
        assert cache.events()[-1]["sync-status"] == "SUCCESS"
        assert app.images[1].digest in cache.images(NAME)
        assert upstream.count(None, "/manifests/") == 1
        cache.manifest(NAME, "v1")
        cache.settle()
        assert upstream.count(None, "/manifests/") == 1
        upstream.stop()
        assert cache.pull(NAME, "v1") == app.raw


def test_a_layer_that_the_upstream_lacks_is_a_failure(cache, upstream):
    app = image()
    upstream.add_image("team/app", app, "v1")
    upstream.remove("team/app", app.layers[0].digest)
    cache.rule()
    import_v1(cache)
    event = cache.events()[-1]
    assert (event["sync-status"], event["failure-code"]) == ("FAILED", "ImageNotFound")


@pytest.mark.consideration("S19b")
def test_an_imported_image_is_scanned_once_for_many_clients(cache, upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    cache.rule()
    cache.ecr.put_registry_scanning_configuration(
        scanType="BASIC",
        rules=[{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}],
    )
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda _: cache.pull(NAME, "v1"), range(8)))
    cache.settle()
    cache.manifest(NAME, "v1")
    events = cache.http.get("/_ecr/events").json["events"]
    scans = Counter(each["detail"]["image-digest"] for each in events if each["detail-type"] == "ECR Image Scan")
    assert scans == dict.fromkeys((each.digest for each in app.images), 1)


def test_every_tag_is_imported_although_another_one_of_the_same_image_is_being_imported(cache, upstream):
    app = image("app")
    for tag in ("v1", "v2"):
        upstream.add_image("team/app", app, tag)
    go_on = Event()
    upstream.fail(f"/blobs/{app.layers[0].digest}", stalls(go_on))
    cache.rule()
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}
    cache.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    try:
        cache.manifest(NAME, "v1")
        cache.manifest(NAME, "v2")
    finally:
        go_on.set()
    cache.settle()
    assert sorted(event["image-tag"] for event in cache.events()) == ["v1", "v2"]
    there = client_of(cache.emulator, account=ACCOUNT, region="eu-west-1")
    (replica,) = there.describe_images(repositoryName=NAME)["imageDetails"]
    assert sorted(replica["imageTags"]) == ["v1", "v2"]
    assert upstream.count("GET", "/blobs/") == len(app.blobs)


def test_a_repository_deleted_while_it_is_filled_stays_deleted(cache, upstream):
    app = image("large", layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")

    def delete_first(request, reply):
        cache.ecr.delete_repository(repositoryName=NAME, force=True)
        return reply

    upstream.fail(f"/blobs/{app.layers[0].digest}", delete_first)
    cache.rule()
    assert cache.manifest(NAME, "v1").status_code == 200
    cache.settle()
    assert cache.repositories() == []
    assert cache.pull(NAME, "v1") == app.raw, "the next pull is a first one"


@pytest.mark.parametrize(("remaining", "is_spared"), [(10, True), (11, False)])
def test_the_last_pulls_of_a_rate_limit_are_for_clients(cache, upstream, remaining, is_spared):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    limit = with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining=f"{remaining};w=21600")
    upstream.fail("/manifests/", limit, count=99)
    cache.rule()
    stored = import_v1(cache)
    assert set(stored) == ({app.digest} if is_spared else {app.digest, *(each.digest for each in app.images)})
    event = cache.events()[-1]
    assert event["sync-status"] == ("FAILED" if is_spared else "SUCCESS")
    if is_spared:
        assert event["failure-code"] == "UpstreamTooManyRequests"
        assert "quay.io allows only 10 more pulls" in event["failure-reason"]
    assert cache.pull(NAME, "v1") == app.raw, "a client gets what it asks for"
    upstream.heal()
    upstream.fail("HEAD /manifests/", with_headers(RateLimit_Limit="100;w=21600", RateLimit_Remaining="90;w=21600"))
    cache.advance(hours=25)
    import_v1(cache)
    assert cache.events()[-1]["sync-status"] == "SUCCESS"


# --- Referrers with their subject --------------------------------------------------------------------------


@pytest.fixture
def signed(upstream):
    """An index, one of whose images is signed, as it is itself."""
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    signatures = [artifact(app), artifact(app.images[0])]
    for signature in signatures:
        upstream.add_image("team/app", signature)
    return app, signatures


def test_signatures_can_be_imported_with_their_images(upstream, signed):
    app, signatures = signed
    with running_cache(upstream, import_referrers="with-subject") as cache:
        cache.rule()
        stored = import_v1(cache)
        assert {each.digest for each in signatures} < set(stored)
        upstream.stop()
        for subject, signature in zip((app, app.images[0]), signatures, strict=True):
            listed = cache.get(f"/v2/{NAME}/referrers/{subject.digest}").json["manifests"]
            assert [each["digest"] for each in listed] == [signature.digest]
            assert cache.pull(NAME, signature.digest) == signature.raw


def test_by_default_nobody_looks_for_signatures_before_somebody_asks(cache, upstream, signed):
    app, _ = signed
    cache.rule()
    assert set(import_v1(cache)) == {app.digest, *(each.digest for each in app.images)}
    assert upstream.count("GET", "/referrers/") == 0


def test_upstreams_need_not_be_asked_for_signatures_at_all(upstream, signed):
    app, _ = signed
    with running_cache(upstream, import_referrers="off") as cache:
        cache.rule()
        import_v1(cache)
        assert cache.get(f"/v2/{NAME}/referrers/{app.digest}").json["manifests"] == []
        assert upstream.count("GET", "/referrers/") == 0
