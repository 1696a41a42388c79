"""Several nodes fetch each manifest and blob from its upstream once, and followers read what is arriving."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from werkzeug.test import Client

from ecr_emulator.domain.names import digest_of
from ecr_emulator.testing.upstream.faults import answers
from ecr_emulator.testing.upstream.images import image, index, layer
from tests.pull_through.matrix.stories import Beside, wrong_at_the_end
from tests.support.node_fetches import ANYWHERE, NAME, BlobReader, fetched, pulling, settle, stalled, until_a_node_waits
from tests.support.pull_through import Cache

BIG = layer("big", 1_000_000)
IMAGE = image("app", BIG, layer("small"))
BIG_BLOB = f"GET /blobs/{BIG.digest}"
HALF, ARRIVED = 500_000, 400_000
"""Bytes of the blob that a node has received, and those that the other one may pass on by then, at least."""


@pytest.fixture(autouse=True)
def _image(upstream):
    upstream.add_image("app", IMAGE, "1.0")


def blob_path(blob):
    return f"/v2/{NAME}/blobs/{blob.digest}"


@contextmanager
def half_of_the_blob_read(caches, upstream):
    """One node has half of the blob, and a client of the other one reads it: yield a function that reads all of it.

    Not more arrives before the end of the block.
    """
    one, other = caches
    with stalled(upstream, BIG_BLOB, lambda: one.manifest(NAME, "1.0"), after=HALF):
        reader = BlobReader(other, BIG)
        begin = reader.read(ARRIVED)
        yield lambda: begin + reader.rest()


@ANYWHERE
def test_fifty_clients_of_two_nodes_cost_one_request_for_each_part(caching_nodes, caches, upstream):
    many = [layer(number) for number in range(20)]  # more than a node downloads at the same time
    every = index(IMAGE, image("app", BIG, *many, architecture="arm64"))
    upstream.add_image("app", every, "all")

    def pull(_):
        client = Client(caching_nodes.wsgi)
        assert digest_of(client.get(f"/v2/{NAME}/manifests/all").data) == every.digest
        for each in every.images:
            assert digest_of(client.get(f"/v2/{NAME}/manifests/{each.digest}").data) == each.digest
            for blob in each.blobs:
                assert client.get(blob_path(blob)).data == blob.raw

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(pull, range(50)))
    settle(caches)
    assert set(fetched(upstream).values()) == {1}
    assert len(fetched(upstream)) == 1 + 2 + len({blob.digest for each in every.images for blob in each.blobs})


@ANYWHERE
def test_a_manifest_that_another_node_fetches_is_waited_for(caches, upstream):
    one, other = caches
    with stalled(upstream, "GET /manifests/1.0", lambda: pulling(one, "1.0")) as first:
        second = pulling(other, "1.0")
        until_a_node_waits()
    assert first.result().data == second.result().data == IMAGE.raw
    settle(caches)
    assert set(fetched(upstream).values()) == {1}


@ANYWHERE
def test_a_node_gets_the_failure_of_the_node_that_it_waits_for(caches, upstream):
    one, other = caches
    with stalled(upstream, "GET /manifests/none", lambda: pulling(one, "none")) as first:
        second = pulling(other, "none")
        until_a_node_waits()
    assert (first.result().status_code, first.result().json) == (second.result().status_code, second.result().json)
    assert first.result().status_code == 404
    assert upstream.count("GET", "/manifests/none") == 1
    assert len(one.events()) == 1


def test_a_failure_counts_only_for_nodes_that_waited(caches, upstream):
    one, other = caches
    assert one.manifest(NAME, "2.0").status_code == 404
    upstream.add_image("app", IMAGE, "2.0")
    assert other.manifest(NAME, "2.0").data == IMAGE.raw


@pytest.mark.parametrize("fault", [None, answers(404), answers(403)], ids=["answered", "unknown", "denied"])
def test_a_refresh_on_another_node_asks_the_upstream_itself(caches, upstream, fault):
    one, other = caches
    new = image("new")
    with stalled(upstream, "GET /manifests/1.0", lambda: pulling(one, "1.0"), then=fault) as older:
        upstream.add_image("app", new, "1.0")
        refreshing = Beside(lambda: other.refresh(f"{NAME}:1.0"))
        until_a_node_waits()
    older.join()
    (refreshed,) = refreshing.result().json["refreshed"]
    assert (refreshed["outcome"], refreshed["digest"]) == ("imported", new.digest)


def test_readers_on_another_node_get_the_bytes_that_have_arrived(caches, upstream):
    with half_of_the_blob_read(caches, upstream) as whole:
        pass
    assert whole() == BIG.raw
    settle(caches)
    assert set(fetched(upstream).values()) == {1}


def test_a_follower_goes_on_where_a_node_stopped(caching_nodes, caches, upstream):
    one, other = caches
    with half_of_the_blob_read(caches, upstream) as whole:
        caching_nodes.stop(one.emulator)
        assert whole() == BIG.raw
    other.settle()
    ranges = [request.headers.get("Range") for request in upstream.asked("GET", BIG.digest)]
    assert len(ranges) == 2
    assert int(ranges[1].removeprefix("bytes=").partition("-")[0]) >= ARRIVED


@pytest.mark.parametrize("caching_nodes", ["s3"], indirect=True)
def test_a_node_that_sees_no_bytes_fetches_all_of_them_after_a_node_that_stopped(caching_nodes, caches, upstream):
    one, other = caches
    with stalled(upstream, BIG_BLOB, lambda: one.manifest(NAME, "1.0"), after=HALF):
        reading = Beside(lambda: Client(other.emulator.wsgi).get(blob_path(BIG)).data)
        until_a_node_waits()
        caching_nodes.stop(one.emulator)
        assert reading.result() == BIG.raw
    assert upstream.count("GET", BIG.digest) == 2


@ANYWHERE
def test_a_follower_gets_the_right_bytes_after_the_other_node_got_wrong_ones(caches, upstream):
    one, other = caches
    with stalled(upstream, BIG_BLOB, lambda: one.manifest(NAME, "1.0"), then=wrong_at_the_end):
        reading = Beside(lambda: Client(other.emulator.wsgi).get(blob_path(BIG)).data)
        until_a_node_waits()
    assert reading.result() == BIG.raw
    settle(caches)
    assert upstream.count("GET", BIG.digest) == 2


def test_a_node_whose_locks_are_lost_does_no_harm(caching_nodes, caches, upstream):
    with half_of_the_blob_read(caches, upstream) as whole:
        end_connections_with_locks(caching_nodes.settings.database)
        assert whole() == BIG.raw
    settle(caches)
    for cache in caches:
        assert cache.blob(NAME, BIG.digest).data == BIG.raw
    assert upstream.count("GET", BIG.digest) <= 2


def test_a_restart_of_the_database_leaves_no_wrong_bytes(caches, upstream, postgres):
    with half_of_the_blob_read(caches, upstream) as whole:
        postgres.stop()
        postgres.start()
        assert whole() == BIG.raw  # it fetches the rest itself, while the other one is stalled
    settle(caches)
    for cache in caches:
        assert cache.blob(NAME, BIG.digest).data == BIG.raw


def test_clients_of_both_nodes_get_blobs_that_the_disk_has_no_room_for(start_nodes, upstream):
    nodes = start_nodes(2, upstream_map={"quay.io": upstream.url}, disk_reserve=10**9)
    caches = [Cache(emulator) for emulator in nodes.emulators]
    caches[0].rule()
    assert caches[0].manifest(NAME, "1.0").data == IMAGE.raw
    with ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda number: caches[number % 2].blob(NAME, BIG.digest), range(8)):
            assert answer.data == BIG.raw
    settle(caches)


def end_connections_with_locks(uri):
    with psycopg.connect(uri) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
            " AND pid <> pg_backend_pid()"
        )


@ANYWHERE
def test_a_blob_that_the_upstream_lacks_is_requested_once(caches, upstream):
    one, other = caches
    with stalled(upstream, BIG_BLOB, lambda: one.manifest(NAME, "1.0"), then=answers(404)):
        reading = Beside(lambda: Client(other.emulator.wsgi).get(blob_path(BIG)))
        until_a_node_waits()
    alone = Client(one.emulator.wsgi).get(blob_path(BIG))
    assert (reading.result().status_code, reading.result().data) == (alone.status_code, alone.data)
    assert reading.result().status_code == 404
    assert upstream.count("GET", BIG.digest) == 1
