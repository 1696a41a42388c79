"""Imports, updates and checks of cached tags are done by one node, and taken over when it dies."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import Client

from ecr_emulator.testing.upstream.images import image, layer, multi_arch
from tests.pull_through.matrix.stories import Beside
from tests.pull_through.test_pull_through_updates import UNTAGGED_FOR_A_DAY
from tests.support.node_fetches import NAME, fetched, pulling, settle, stalled, until_a_node_waits
from tests.support.private_registry import PrivateRegistry
from tests.support.programs import until

LAYER = layer("slow", 300_000)
IMAGE = image("app", LAYER)
OLD, NEW = multi_arch("old"), multi_arch("new")
NEW_LAYER = NEW.images[0].layers[0]


def get(blob):
    return f"GET /blobs/{blob.digest}"


def advance(cache, by):
    answer = cache.http.post("/_ecr/clock", json={"advance": by})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def moved(caches, upstream):
    """Nodes that have an image, whose tag has moved upstream, and whose check is due."""
    upstream.add_image("app", OLD, "1.0")
    caches[0].pull(NAME, "1.0")
    settle(caches)
    upstream.add_image("app", NEW, "1.0")
    advance(caches[0], "24h")
    return caches


# --- Imports ---------------------------------------------------------------------------------------------


def test_an_import_of_another_node_is_not_repeated(caches, upstream):
    one, other = caches
    upstream.add_image("app", IMAGE, "1.0")
    with stalled(upstream, get(LAYER), lambda: one.manifest(NAME, "1.0")):
        assert other.manifest(NAME, "1.0").data == IMAGE.raw
        until_a_node_waits()
    settle(caches)
    settle(caches)  # the other node looks once more when the first one has ended
    (event,) = one.events()
    assert event["sync-status"] == "SUCCESS"
    assert set(fetched(upstream).values()) == {1}


def test_a_node_finishes_the_import_of_a_node_that_stopped(caching_nodes, caches, upstream):
    one, other = caches
    upstream.add_image("app", IMAGE, "1.0")
    with stalled(upstream, get(LAYER), lambda: one.manifest(NAME, "1.0")):
        assert other.manifest(NAME, "1.0").data == IMAGE.raw
        until_a_node_waits()
        caching_nodes.stop(one.emulator)
        until(lambda: [event["sync-status"] for event in other.events()] == ["SUCCESS"])
    upstream.stop()
    assert other.blob(NAME, LAYER.digest).data == LAYER.raw


# --- Updates and checks ----------------------------------------------------------------------------------


def test_an_update_of_another_node_is_waited_for(moved, upstream):
    one, other = moved
    with stalled(upstream, get(NEW_LAYER), lambda: pulling(one, "1.0")) as first:
        second = pulling(other, "1.0")
        until_a_node_waits()
    assert first.result().data == second.result().data == NEW.raw
    settle(moved)
    assert set(fetched(upstream).values()) == {1}
    assert upstream.count("HEAD", "/manifests/1.0") == 1


@pytest.mark.parametrize("ask", ["refresh", "pull"])
def test_a_request_for_the_newest_image_waits_for_the_update_of_another_node(moved, upstream, ask):
    one, other = moved
    with stalled(upstream, get(NEW_LAYER), lambda: pulling(one, "1.0")):
        asking = Beside(lambda: other.http.post(f"/_ecr/{ask}", json={"image": f"{NAME}:1.0"}).text)
        until_a_node_waits()
    assert NEW.digest in asking.result()
    assert set(fetched(upstream).values()) == {1}


def test_a_node_updates_a_tag_after_a_node_that_stopped(caching_nodes, moved, upstream):
    one, other = moved
    with stalled(upstream, get(NEW_LAYER), lambda: pulling(one, "1.0")):
        second = pulling(other, "1.0")
        until_a_node_waits()
        caching_nodes.stop(one.emulator)
        assert second.result().data == NEW.raw
        assert other.manifest(NAME, "1.0").data == NEW.raw


def test_a_lifecycle_policy_on_another_node_leaves_the_image_of_an_update(moved, upstream):
    one, other = moved
    with stalled(upstream, get(NEW_LAYER), lambda: pulling(one, "1.0")):
        until(lambda: {NEW.digest, *(each.digest for each in NEW.images)} <= set(other.images(NAME)))
        other.ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=UNTAGGED_FOR_A_DAY)
        advance(other, "72h")
        assert {NEW.digest, *(each.digest for each in NEW.images)} <= set(other.images(NAME))
    settle(moved)
    assert other.images(NAME)[NEW.digest] == ["1.0"]


def test_a_check_is_made_once(caches, upstream):
    one, other = caches
    upstream.add_image("app", IMAGE, "1.0")
    one.pull(NAME, "1.0")
    settle(caches)
    advance(caches[0], "24h")
    with stalled(upstream, "HEAD /manifests/1.0", lambda: pulling(one, "1.0")) as first:
        second = pulling(other, "1.0")
        until_a_node_waits()
    assert first.result().data == second.result().data == IMAGE.raw
    assert upstream.count("HEAD") == 1


# --- Registries that pull from each other ----------------------------------------------------------------


def test_registries_that_ask_each_other_on_two_nodes_never_wait_for_each_other(caches):
    down, up = PrivateRegistry(caches[0]), PrivateRegistry(caches[1], region="eu-central-1")
    down.rule("ROOT", up)
    up.rule("ROOT", down)

    def pull(number):
        cache, region = caches[number % 2], ("us-east-1", "eu-central-1")[number // 2 % 2]
        host = {"Host": PrivateRegistry(cache, region=region).host}
        return Client(cache.emulator.wsgi).get(f"/v2/team/app/manifests/v{number // 4}", headers=host).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(pull, range(24), timeout=60)) == {404}
