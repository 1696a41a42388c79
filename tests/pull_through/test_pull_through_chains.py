"""Chains and circles of private registries: each one is the upstream of the next."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from ecr_emulator.services.pull_through.manifests import MANIFESTS_AT_ONCE
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import artifact, image, index, layer, multi_arch
from tests.support.full_disk import read_only_disk
from tests.support.images import put_image
from tests.support.private_registry import PrivateRegistry
from tests.support.pull_through import running_cache

# --- Chains ----------------------------------------------------------------------------------------------


def test_the_other_registry_imports_an_image_that_it_does_not_have_yet(cache, upstream, down, up):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)

    assert down.pull("eu/quay/team/app", "v1") == app.raw
    cache.settle()

    assert (
        set(down.tags("eu/quay/team/app"))
        == set(up.tags("quay/team/app"))
        == {
            app.digest,
            *(child.digest for child in app.images),
        }
    )
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"
    assert [event["sync-status"] for event in down.events() + up.events()] == ["SUCCESS", "SUCCESS"]
    upstream.stop()
    assert up.pull("quay/team/app", "v1") == app.raw
    assert down.pull("eu/quay/team/app", "v1") == app.raw


def test_many_clients_of_both_ends_cost_the_far_end_one_request_for_each_part(cache, upstream, down, up):
    large = image("large", layer("large", 2_000_000))
    app = index(large, image("small"))
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    with ThreadPoolExecutor(16) as clients:
        pulls = [
            clients.submit(registry.pull, f"{prefix}/team/app", "v1")
            for _ in range(8)
            for registry, prefix in ((down, "eu/quay"), (up, "quay"))
        ]
        assert {pull.result(20) for pull in pulls} == {app.raw}
    cache.settle()
    for method, path in {(request.method, request.path) for request in upstream.requests}:
        assert upstream.count(method, path) == 1, f"{method} {path} was sent once"


def test_signatures_come_through_a_chain(cache, upstream, down, up):
    app = image()
    signature = artifact(app)
    upstream.add_image("team/app", app, "v1")
    upstream.add_image("team/app", signature)
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    assert down.referrers("eu/quay/team/app", app) == [signature.digest]
    assert up.referrers("quay/team/app", app) == [signature.digest]
    assert upstream.count("GET", "/referrers/") == 1


def test_every_registry_of_a_chain_checks_once_a_day(cache, upstream, down, up):
    upstream.add_image("team/app", image("old"), "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    asked = len(upstream.requests)

    new = image("new")
    upstream.add_image("team/app", new, "v1")
    cache.advance(hours=25)
    assert down.pull("eu/quay/team/app", "v1") == new.raw
    cache.settle()
    assert upstream.count("HEAD", "/manifests/v1") == 1
    assert len(upstream.requests) == asked + 2 + len(new.blobs), "HEAD, the new manifest, its blobs"
    assert up.tags("quay/team/app")[new.digest] == ["v1"]


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(404, 404, "MANIFEST_UNKNOWN"), (429, 429, "TOOMANYREQUESTS"), (403, 403, "DENIED"), (503, 503, "UNKNOWN")],
)
def test_a_refusal_at_the_end_of_a_chain_reaches_the_client(upstream, down, up, status, expected, code):
    upstream.fail("/manifests/", answers(status, Retry_After="3600"), count=99)
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    answer = down.manifest("eu/quay/team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (expected, code)
    assert down.names() == up.names() == []
    reasons = [event["failure-reason"] for event in down.events() + up.events()]
    assert len(reasons) == 2
    assert reasons[0] == reasons[1]


def test_a_failing_upstream_behind_a_private_registry_leaves_everything_served(cache, upstream, down, up):
    app = image()
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.pull("eu/quay/team/app", "v1")
    cache.settle()
    upstream.fail(lambda request: True, answers(403), count=99)
    cache.advance(days=2)
    assert down.pull("eu/quay/team/app", "v1") == app.raw


def test_a_blob_that_nobody_has_yet_comes_from_the_far_end(cache, upstream, down, up):
    """The import of the other registry failed in part; the missing parts are fetched for both registries."""
    app = image(1, layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")
    upstream.fail("/blobs/", answers(404))
    up.rule("quay", "quay.io")
    up.manifest("quay/team/app", "v1")
    cache.settle()
    upstream.heal()
    cache.advance(seconds=5)  # the time for which the upstream is not asked again
    down.rule("eu", up)
    assert down.pull("eu/quay/team/app", "v1") == app.raw
    cache.settle()
    asked = len(upstream.requests)
    assert up.pull("quay/team/app", "v1") == app.raw
    assert len(upstream.requests) == asked


@pytest.mark.sqlite
def test_a_disk_that_cannot_be_written_stops_no_pull_through_a_chain(cache, upstream, down, up):
    app = image(1, layer("large", 300_000))
    upstream.add_image("team/app", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    down.log_in()
    with read_only_disk(cache.emulator):
        assert down.get("/v2/eu/quay/team/app/manifests/v1", {"Host": down.host}).data == app.raw
        assert [down.blob("eu/quay/team/app", blob.digest).data for blob in app.blobs] == [
            each.raw for each in app.blobs
        ]
        cache.settle()
    assert down.names() == up.names() == []


def test_a_chain_of_four_registries_works_and_one_of_five_does_not(cache, upstream, down):
    app = image()
    upstream.add_image("team/app", app, "v1")
    chain = [
        down,
        *(PrivateRegistry(cache, region=region) for region in ("eu-west-2", "eu-west-3", "ap-south-1", "sa-east-1")),
    ]
    for near, far in pairwise(chain):
        near.rule("ROOT", far)
    chain[-1].rule("ROOT", "quay.io")

    answer = down.manifest("team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert "too many registries" in down.events()[-1]["failure-reason"]
    assert upstream.requests == []

    assert chain[1].pull("team/app", "v1") == app.raw
    assert down.pull("team/app", "v1") == app.raw, "an image within the maximum depth is found"


def test_strict_registries_ask_each_other_for_the_children_of_their_indexes(upstream):
    app = multi_arch()
    upstream.add_image("team/app", app, "v1")
    with running_cache(upstream, strict=True) as cache:
        down, up = PrivateRegistry(cache), PrivateRegistry(cache, region="eu-central-1")
        up.rule("quay", "quay.io")
        down.rule("eu", up)
        assert down.pull("eu/quay/team/app", "v1") == app.raw
        cache.settle()
        assert set(down.tags("eu/quay/team/app")) == {app.digest, *(child.digest for child in app.images)}


# --- Circles ---------------------------------------------------------------------------------------------


@pytest.fixture
def circle(down, up):
    down.rule("ROOT", up)
    up.rule("ROOT", down)
    return down, up


def test_registries_that_ask_each_other_find_nothing_and_say_why(circle):
    down, up = circle
    answer = down.manifest("team/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert down.names() == up.names() == []
    for registry in circle:
        (event,) = registry.events()
        assert event["failure-code"] == "ImageNotFound"
        assert "lead in a circle" in event["failure-reason"]


def test_the_reason_of_a_circle_is_in_the_log(circle, caplog):
    circle[0].manifest("team/app", "v1")
    assert "lead in a circle" in caplog.text


def test_a_registry_in_a_circle_gets_the_images_of_the_other(cache, circle):
    down, up = circle
    app = image()
    up.push_image("team/app", app, "v1")
    assert down.pull("team/app", "v1") == app.raw
    cache.settle()
    cache.advance(days=2)
    assert up.pull("team/app", "v1") == app.raw
    assert down.pull("team/app", "v1") == app.raw


def test_all_registries_of_a_circle_list_the_signatures_of_one(circle):
    down, up = circle
    app = image()
    signature = artifact(app)
    up.push_image("team/app", app, "v1")
    put_image(up.ecr, "team/app", signature)
    assert down.pull("team/app", "v1") == app.raw
    assert down.referrers("team/app", app) == [signature.digest]
    assert up.referrers("team/app", app) == [signature.digest]


def test_a_circle_in_which_the_name_grows_ends_as_well(down, up):
    down.rule("xx", up, "yy")
    up.rule("yy", down, "xx/more")
    answer = down.manifest("xx/app", "v1")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert "too many registries" in down.events()[-1]["failure-reason"]


def test_many_pulls_into_both_ends_of_a_circle_end(circle):
    with ThreadPoolExecutor(4 * MANIFESTS_AT_ONCE) as clients:
        pulls = [
            clients.submit(registry.get, f"/v2/team/app{number}/manifests/v1", {"Host": registry.host})
            for number in range(MANIFESTS_AT_ONCE)
            for registry in (*circle, *reversed(circle))
        ]
        assert {pull.result(15).status_code for pull in pulls} == {404}


def test_chains_by_the_dozen_do_not_run_out_of_threads(cache, upstream, down, up):
    count = 3 * MANIFESTS_AT_ONCE
    apps = [image(number) for number in range(count)]
    for number, app in enumerate(apps):
        upstream.add_image(f"team/app{number}", app, "v1")
    up.rule("quay", "quay.io")
    down.rule("eu", up)
    with ThreadPoolExecutor(2 * count) as clients:
        pulls = [
            clients.submit(registry.get, f"/v2/{prefix}/team/app{number}/manifests/v1", {"Host": registry.host})
            for number in range(count)
            for registry, prefix in ((down, "eu/quay"), (up, "quay"))
        ]
        assert [pull.result(15).data for pull in pulls] == [app.raw for app in apps for _ in range(2)]
    cache.settle()
    assert upstream.count("GET", "/manifests/v1") == count
