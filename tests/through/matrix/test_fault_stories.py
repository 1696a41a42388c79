"""Cells of the fault matrix that need more than one client, one answer or one fault to be told."""

import json
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event, Thread
from threading import enumerate as enumerate_threads

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.domain.manifest import OCI_INDEX, SCHEMA1_SIGNED
from ecr_emulator.errors import UpstreamFailure
from tests.support.faults import answers, corrupted, cut_after, redirects, stalls
from tests.support.full_disk import full_disk, read_only_disk
from tests.support.scripted_upstream import Bearer, ScriptedUpstream
from tests.support.upstream_images import Content, UpstreamImage, image, index, layer
from tests.through.matrix.world import APP, CHILD, LAYER, NAME, NEWER, SIGNATURE, TEAM, world


def changed(app, change):
    """An image with another manifest."""
    document = json.loads(app.raw)
    change(document)
    return UpstreamImage(json.dumps(document).encode(), app.media_type, app.config, app.layers)


def listing(*manifests):
    """An index of anything."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [each.descriptor for each in manifests]}
    return Content(json.dumps(document).encode(), OCI_INDEX)


FAT = changed(image("fat", LAYER), lambda it: it.update(annotations={"note": "it needs pages of its own " * 1_000}))


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A world at the beginning of a phase."""
    opened = []

    def at(phase, **more):
        manager = world(phase, tmp_path, monkeypatch, **more)
        opened.append(manager)
        here = manager.__enter__()
        here.arrange()
        return here

    yield at
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.fixture
def elsewhere():
    with ScriptedUpstream() as registry:
        yield registry


def at_once(*calls):
    """What the calls return that are made at the same time."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [made.result(20) for made in [threads.submit(call) for call in calls]]


class Beside(Thread):
    """Something that is done while the test goes on."""

    def __init__(self, call):
        super().__init__()
        self._call = call
        self._result = None
        self.start()

    def run(self):
        self._result = self._call()

    def result(self):
        self.join(20)
        assert not self.is_alive()
        return self._result


# --- Elsewhere and tokens ------------------------------------------------------------------------------------


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


# --- Manifests that are not what one expects -----------------------------------------------------------------


@pytest.mark.parametrize("phase", ["R", "M"])
def test_a_manifest_of_schema_1_is_kept_as_it_is(at, phase):
    here = at(phase)
    document = {"schemaVersion": 1, "name": TEAM, "tag": "v1", "fsLayers": [], "history": [], "signatures": []}
    old = Content(json.dumps(document, indent=3).encode(), SCHEMA1_SIGNED)
    here.upstream.add_manifest(TEAM, old, "v1")
    delivered = here.act()
    assert (delivered.said, delivered.body) == ("200", old.raw)
    assert delivered.headers["Content-Type"] == SCHEMA1_SIGNED
    assert here.here.images(NAME)[old.digest] == ["v1"]
    here.finish_import()
    assert here.told() == "SUCCESS"
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

    here.upstream.fail("HEAD", moves_on)
    here.upstream.fail("HEAD /manifests/v1", moves_on)
    assert here.act().body == NEWER.raw
    assert [f"{each.method} {each.path}" for each in here.asked()] == [
        f"HEAD /v2/{TEAM}/manifests/v1",
        f"GET /v2/{TEAM}/manifests/{NEWER.digest}",
    ]
    here.finish_import()
    assert here.here.images(NAME)[NEWER.digest] == ["v1"]
    here.check_store()


# --- What is deleted meanwhile -------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["M", "C", "B"])
def test_what_is_under_way_ends_though_the_rule_is_deleted(at, phase):
    here = at(phase)
    reached, go_on = Event(), Event()
    here.upstream.fail(here.target, _stopping_at(reached, go_on))
    asking = Beside(here.act)
    assert reached.wait(10)
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
        here.upstream.fail(here.target, _stopping_at(reached, go_on))
        here.may_import.set()
        assert reached.wait(10)
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
    here.upstream.fail(here.target, _stopping_at(reached, go_on, after=150_000))
    asking = Beside(here.act)
    assert reached.wait(10)
    here.here.ecr.delete_repository(repositoryName=NAME, force=True)
    go_on.set()
    delivered = asking.result()
    assert (delivered.said, delivered.body) == ("200", LAYER.raw)
    assert here.get(f"blobs/{LAYER.digest}").said == "404 NAME_UNKNOWN"
    here.check_recovery()


def _stopping_at(reached, go_on, after=None):
    def fault(request, reply):
        reached.set()
        return stalls(go_on, after)(request, reply)

    return fault


# --- The disk ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_a_full_disk_leaves_the_cached_image_served(at, broken):
    here = at("R")
    here.upstream.add_image(TEAM, FAT, "v1")
    with broken(here.here.emulator):
        assert here.act().body in (APP.raw, FAT.raw)
        assert here.here.pull(NAME, APP.digest) == APP.raw
    here.app = FAT
    here.check_store()


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_an_image_for_which_there_is_no_room_reaches_its_client_whole(at, broken):
    here = at("M")
    here.upstream.add_image(TEAM, FAT, "v1")
    with broken(here.here.emulator):
        assert here.act().body == FAT.raw
        for blob in FAT.blobs:
            delivered = here.get(f"blobs/{blob.digest}")
            assert (delivered.said, delivered.body) == ("200", blob.raw)
        delivered = here.get(f"blobs/{LAYER.digest}", Range="bytes=1000-1999")
        assert (delivered.said, delivered.body) == ("206", LAYER.raw[1000:2000])
        assert here.upstream.count("GET", f"/blobs/{LAYER.digest}") == 2
        assert here.here.repositories() == []
        assert here.stored_blobs() == set()
    here.check_store()
    here.upstream.add_image(TEAM, APP, "v1")
    here.check_recovery()


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_a_push_to_a_disk_that_is_full_is_refused_with_the_reason_and_goes_on_later(at, broken):
    here = at("M")
    client = here.here
    client.ecr.create_repository(repositoryName="mine")
    location = client.http.post("/v2/mine/blobs/uploads/").headers["Location"]
    with broken(client.emulator):
        answer = client.http.patch(location, data=LAYER.raw)
        assert answer.status_code == 503
        assert "the data directory cannot be written" in answer.json["errors"][0]["message"]
        upload = {"repositoryName": "mine", "uploadId": location.rpartition("/")[2], "partFirstByte": 0}
        with pytest.raises(ClientError, match=r"ServerException.*cannot be written"):
            client.ecr.upload_layer_part(**upload, partLastByte=9, layerPartBlob=b"0123456789")
    assert client.http.patch(location, data=LAYER.raw).status_code == 202
    assert client.http.put(f"{location}?digest={LAYER.digest}").status_code == 201


def test_an_import_for_which_there_is_no_room_is_told_as_failed(at):
    here = at("C", disk_reserve=999_999_999)
    assert here.act().said == "200"
    assert here.told() == "StorageFailure"
    assert here.upstream.count("GET", "/blobs/") == 0
    assert here.stored_blobs() == set()


def test_a_disk_that_fills_up_in_the_middle_of_a_blob_stops_no_client(at):
    here = at("B")
    go_on = Event()
    here.upstream.fail(here.target, stalls(go_on, after=90_000))
    with full_disk(here.here.emulator, after=100_000):
        path = f"/v2/{NAME}/blobs/{LAYER.digest}"
        bodies = [here.here.get(path).iter_encoded() for _ in range(2)]
        begun = [next(body) for body in bodies]
        go_on.set()
        assert [first + b"".join(rest) for first, rest in zip(begun, bodies, strict=True)] == [LAYER.raw] * 2
        assert [request.headers.get("Range") for request in here.asked()] == [None] + ["bytes=100000-"] * 2
        assert here.stored_blobs() == set()
        here.finish_import()
        assert here.told() == "StorageFailure"
    here.check_store()
    here.check_recovery()


def test_wrong_bytes_are_not_passed_through_either(at):
    here = at("B", disk_reserve=999_999_999)
    here.upstream.fail(here.target, lambda _, reply: _changed_at_the_end(reply), times=9)
    delivered = here.act()
    assert delivered.said == "200 cut"
    assert delivered.body == LAYER.raw[: LAYER.size - 64 * 1024]


def _changed_at_the_end(reply):
    reply.headers["Docker-Content-Digest"] = ""
    return type(reply)(reply.status, reply.body[:-1] + b"?", reply.headers)


def test_garbage_makes_room(at, monkeypatch):
    here = at("B")
    emulator = here.here.emulator
    writer = emulator.services.blobs.begin(emulator.services.ids.uuid())
    old = layer("old", 300_000)
    writer.write(old.raw)
    assert writer.commit(old.digest)
    limit = 100_000_000 + 400_000

    def free(_folder):
        stored = sum(file.stat().st_size for file in (emulator.data_dir / "blobs").rglob("*") if file.is_file())
        return limit + 100 * 48_576 - stored

    monkeypatch.setattr("ecr_emulator.storage.blobs.files.free_bytes", free)
    assert here.act().said == "200"
    assert LAYER.digest in here.stored_blobs()
    assert old.digest not in here.stored_blobs()


def test_referrers_are_listed_on_a_full_disk(at):
    here = at("F")
    with read_only_disk(here.here.emulator):
        assert SIGNATURE.digest in here.act().body.decode()
    here.check_recovery()


# --- Many clients, slow ones, and those that leave -----------------------------------------------------------


def test_a_clock_that_is_set_back_costs_no_token_and_no_storm(at):
    here = at("T", auth=Bearer(expires_in=90_000))
    assert here.act().said == "200"
    here.finish_import()
    tokens = here.tokens.count("GET", "/token")
    here.here.advance(hours=24, minutes=10)
    here.upstream.fail("HEAD", answers(503), times=3)
    here.upstream.fail("HEAD /manifests/", answers(503), times=99)
    assert here.act().body == APP.raw
    failed = here.upstream.count("HEAD", "/manifests/")
    here.here.emulator.clock.advance(-timedelta(hours=1))
    for _ in range(5):
        assert here.act().body == APP.raw
    assert here.upstream.count("HEAD", "/manifests/") == failed
    assert here.tokens.count("GET", "/token") == tokens
    here.upstream.heal()
    here.check_recovery()


def test_a_flight_lands_though_its_client_has_left(at, monkeypatch):
    here = at("M")
    go_on = Event()
    here.upstream.fail(here.target, stalls(go_on))
    monkeypatch.setattr("ecr_emulator.services.pull_through.PATIENCE", 0.05)
    delivered = here.act()
    assert (delivered.said, delivered.headers["Retry-After"]) == ("503 UNKNOWN", "1")
    monkeypatch.undo()
    go_on.set()
    assert here.act().body == APP.raw
    assert len(here.asked()) == 1
    here.may_import.set()
    here.check_recovery()


def test_a_fill_ends_though_its_client_has_left(at):
    here = at("B")
    go_on = Event()
    here.upstream.fail(here.target, stalls(go_on, after=100_000))
    answer = here.here.get(f"/v2/{NAME}/blobs/{LAYER.digest}")
    next(answer.iter_encoded())
    answer.close()
    go_on.set()
    assert here.act().body == LAYER.raw
    assert len(here.asked()) == 1
    here.check_recovery()


@pytest.mark.parametrize("phase", ["T", "R", "M", "B", "F"])
def test_twenty_clients_at_once_are_one_request(at, phase):
    here = at(phase)
    go_on = Event()
    here.victim.fail(here.target, stalls(go_on))
    asking = [Beside(here.act) for _ in range(20)]
    go_on.set()
    answers_ = [each.result() for each in asking]
    assert {(each.said, each.body) for each in answers_} == {("200", answers_[0].body)}
    assert len(here.asked()) == 1
    here.check_recovery()


def test_a_slow_client_holds_nobody_up(at):
    here = at("B")
    slow = here.here.get(f"/v2/{NAME}/blobs/{LAYER.digest}").iter_encoded()
    begun = next(slow)
    assert [each.body for each in at_once(*[here.act] * 4)] == [LAYER.raw] * 4
    here.here.pull(NAME, "v1")
    assert begun + b"".join(slow) == LAYER.raw
    assert len(here.asked()) == 1
    here.check_recovery()


def test_many_cold_blobs_are_fetched_by_a_few_threads(at):
    here = at("M")
    blobs = [layer(number, 100) for number in range(40)]
    here.upstream.add_image(TEAM, image("many", *blobs), "v1")
    assert here.act().said == "200"
    reached, go_on = Event(), Event()
    here.upstream.fail("/blobs/", _stopping_at(reached, go_on), times=99)
    asking = [Beside(partial(here.get, f"blobs/{blob.digest}")) for blob in blobs]
    assert reached.wait(10)
    busy = [thread for thread in enumerate_threads() if thread.name.startswith("pull-through-blob")]
    go_on.set()
    assert [each.result().body for each in asking] == [blob.raw for blob in blobs]
    assert 0 < len(busy) <= 16
    assert here.upstream.count("GET", "/blobs/") == len(blobs)


@pytest.mark.parametrize(
    ("span", "part"),
    [
        ("0-0", LAYER.raw[:1]),
        ("1000-149999", LAYER.raw[1_000:150_000]),
        ("150000-", LAYER.raw[150_000:]),
        ("-10", LAYER.raw[-10:]),
        ("199999-199999", LAYER.raw[-1:]),
    ],
)
def test_a_part_of_a_cold_blob_is_the_right_part_and_one_request(at, span, part):
    here = at("B")
    delivered = here.get(f"blobs/{LAYER.digest}", Range=f"bytes={span}")
    assert (delivered.said, delivered.body) == ("206", part)
    assert delivered.headers["Content-Length"] == str(len(part))
    here.here.emulator._downloads.settle(20)
    assert len(here.asked()) == 1
    assert here.act().body == LAYER.raw
    assert len(here.asked()) == 1
    here.check_recovery()


# --- What the algorithm promises besides ---------------------------------------------------------------------


def test_a_client_hears_what_is_to_come_before_the_upstream_says_a_word(at, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.fills.FIRST_BYTES", 0.05)
    here = at("B")
    go_on = Event()
    here.upstream.fail(here.target, stalls(go_on))
    answer = here.here.get(f"/v2/{NAME}/blobs/{LAYER.digest}")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(LAYER.size))
    go_on.set()
    assert b"".join(answer.iter_encoded()) == LAYER.raw


def test_a_small_blob_that_arrives_wrong_is_fetched_once_more_over_another_connection(at):
    here = at("B")
    config = CHILD.config
    connections = here.upstream.connections
    here.upstream.fail(f"/blobs/{config.digest}", lambda _, reply: _changed_at_the_end(reply))
    delivered = here.get(f"blobs/{config.digest}")
    assert (delivered.said, delivered.body) == ("200", config.raw)
    assert here.upstream.count("GET", f"/blobs/{config.digest}") == 2
    assert here.upstream.connections > connections


def test_a_client_never_gets_the_beginning_of_one_attempt_and_the_end_of_another(at):
    here = at("B")
    go_on = Event()
    here.upstream.fail(here.target, lambda request, reply: stalls(go_on, 150_000)(request, corrupted()(request, reply)))
    body = here.here.get(f"/v2/{NAME}/blobs/{LAYER.digest}").iter_encoded()
    assert not LAYER.raw.startswith(next(body))
    go_on.set()
    with pytest.raises(UpstreamFailure):
        list(body)
    here.here.emulator._downloads.settle(20)
    assert here.act().body == LAYER.raw
    assert len(here.asked()) == 2


def test_a_blob_that_arrived_wrong_is_left_alone_for_a_minute(at):
    here = at("B")
    here.upstream.fail(here.target, lambda _, reply: _changed_at_the_end(reply), times=2)
    assert here.act().said in ("200 cut", "503 UNKNOWN")
    here.here.emulator._downloads.settle(20)
    assert here.act().said == "503 UNKNOWN"
    assert len(here.asked()) == 2
    here.here.advance(minutes=1)
    assert here.act().body == LAYER.raw


@pytest.mark.parametrize("left", [0, 100, LAYER.size - 1])
def test_a_cached_blob_that_lost_bytes_is_fetched_again(at, left):
    here = at("B")
    assert here.act().said == "200"
    encoded = LAYER.digest.removeprefix("sha256:")
    file = here.here.emulator.data_dir / "blobs" / "sha256" / encoded[:2] / encoded
    with file.open("r+b") as damaged:
        damaged.truncate(left)
    assert here.act().body == LAYER.raw
    assert len(here.asked()) == 2
    here.check_recovery()


def test_blobs_that_come_with_the_manifest_and_those_of_no_bytes_are_not_asked_for(at):
    here = at("M")
    empty, inline, foreign = layer("empty", 0), layer("inline", 50), layer("foreign", 70)

    def change(document):
        document["layers"][1]["data"] = b64encode(inline.raw).decode()
        document["layers"][2]["urls"] = ["https://elsewhere.test/layer"]

    app = changed(image("inline", empty, inline, foreign), change)
    here.upstream.add_image(TEAM, app, "v1")
    assert here.act().body == app.raw
    assert here.get(f"blobs/{inline.digest}").body == inline.raw
    assert here.get(f"blobs/{empty.digest}").body == b""
    assert here.get(f"blobs/{foreign.digest}").said == "404 BLOB_UNKNOWN"
    here.finish_import()
    assert here.told() == "SUCCESS"
    assert [each.path for each in here.upstream.asked("GET", "/blobs/")] == [f"/v2/{TEAM}/blobs/{app.config.digest}"]


def test_inline_bytes_that_are_not_the_blobs_are_not_believed(at):
    here = at("M")
    app = changed(image("liar", LAYER), lambda it: it["layers"][0].update(data="bm90IHRoZSBieXRlcw=="))
    here.upstream.add_image(TEAM, app, "v1")
    assert here.act().body == app.raw
    assert here.get(f"blobs/{LAYER.digest}").body == LAYER.raw
