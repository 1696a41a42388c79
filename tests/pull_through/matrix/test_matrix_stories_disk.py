"""Cells that need a story: disks that are full, fill up, or cannot be written."""

from threading import Event
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.cli.options import CannotStart
from ecr_emulator.cli.serve import opened
from ecr_emulator.emulator import Emulator
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.settings import Settings
from ecr_emulator.storage.connections import connect
from ecr_emulator.testing.upstream.faults import stalls
from ecr_emulator.testing.upstream.images import image, layer
from tests.pull_through.matrix.scenario import APP, CHILD, LAYER, NAME, SIGNATURE, TEAM
from tests.pull_through.matrix.stories import changed, wrong_at_the_end
from tests.support.full_disk import full_disk, read_only_disk

pytestmark = pytest.mark.sqlite

FAT = changed(image("fat", LAYER), lambda it: it.update(annotations={"note": "it needs pages of its own " * 1_000}))


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_a_full_disk_leaves_the_cached_image_served(at, broken):
    scenario = at("R")
    scenario.upstream.add_image(TEAM, FAT, "v1")
    with broken(scenario.cache.emulator):
        assert scenario.act().body in (APP.raw, FAT.raw)
        assert scenario.cache.pull(NAME, APP.digest) == APP.raw
    scenario.app = FAT
    scenario.check_store()


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_an_image_for_which_there_is_no_room_reaches_its_client_whole(at, broken):
    scenario = at("M")
    scenario.upstream.add_image(TEAM, FAT, "v1")
    with broken(scenario.cache.emulator):
        assert scenario.act().body == FAT.raw
        for blob in FAT.blobs:
            delivered = scenario.get(f"blobs/{blob.digest}")
            assert (delivered.said, delivered.body) == ("200", blob.raw)
        delivered = scenario.get(f"blobs/{LAYER.digest}", Range="bytes=1000-1999")
        assert (delivered.said, delivered.body) == ("206", LAYER.raw[1000:2000])
        assert scenario.upstream.count("GET", f"/blobs/{LAYER.digest}") == 2
        assert scenario.cache.repositories() == []
        assert scenario.stored_blobs() == set()
    scenario.check_store()
    scenario.upstream.add_image(TEAM, APP, "v1")
    scenario.check_recovery()


@pytest.mark.parametrize("broken", [full_disk, read_only_disk])
def test_a_push_to_a_disk_that_is_full_is_refused_with_the_reason_and_goes_on_later(at, broken):
    scenario = at("M")
    client = scenario.cache
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
    scenario = at("C", disk_reserve=999_999_999)
    assert scenario.act().said == "200"
    assert scenario.told() == "StorageFailure"
    assert scenario.upstream.count("GET", "/blobs/") == 0
    assert scenario.stored_blobs() == set()


def test_a_disk_that_fills_up_in_the_middle_of_a_blob_stops_no_client(at):
    scenario = at("B")
    go_on = Event()
    scenario.upstream.fail(scenario.target, stalls(go_on, after=90_000))
    with full_disk(scenario.cache.emulator, after=100_000):
        path = f"/v2/{NAME}/blobs/{LAYER.digest}"
        bodies = [scenario.cache.get(path).iter_encoded() for _ in range(2)]
        begun = [next(body) for body in bodies]
        go_on.set()
        assert [first + b"".join(rest) for first, rest in zip(begun, bodies, strict=True)] == [LAYER.raw] * 2
        assert [request.headers.get("Range") for request in scenario.asked()] == [None] + ["bytes=100000-"] * 2
        assert scenario.stored_blobs() == set()
        scenario.finish_import()
        assert scenario.told() == "StorageFailure"
    scenario.check_store()
    scenario.check_recovery()


def test_an_emulator_whose_disk_cannot_be_written_says_so_instead_of_starting(tmp_path):
    settings = Settings(data_dir=tmp_path / "state")
    Emulator(settings).close()

    def connect_read_only(path, *, durable, read_only=False):
        return connect(path, durable=durable, read_only=True)

    with (
        patch("ecr_emulator.storage.store.connect", connect_read_only),
        pytest.raises(CannotStart, match="the data directory cannot be written: attempt to write a readonly database"),
    ):
        opened(settings)
    Emulator(settings).close()


def test_wrong_bytes_are_not_passed_through_either(at):
    scenario = at("B", disk_reserve=999_999_999)
    scenario.upstream.fail(scenario.target, wrong_at_the_end, count=9)
    delivered = scenario.act()
    assert delivered.said == "200 cut"
    assert delivered.body == LAYER.raw[: LAYER.size - 64 * 1024]


def test_garbage_makes_room(at, monkeypatch):
    scenario = at("B")
    emulator = scenario.cache.emulator
    writer = emulator.services.blobs.begin(emulator.services.ids.uuid())
    old = layer("old", 300_000)
    writer.write(old.raw)
    assert writer.commit(old.digest)
    limit = 100_000_000 + 400_000

    def free(_folder):
        stored = sum(file.stat().st_size for file in (emulator.data_dir / "blobs").rglob("*") if file.is_file())
        return limit + 100 * 48_576 - stored

    monkeypatch.setattr("ecr_emulator.storage.blobs.files.free_bytes", free)
    assert scenario.act().said == "200"
    assert LAYER.digest in scenario.stored_blobs()
    assert old.digest not in scenario.stored_blobs()


def test_garbage_is_not_collected_for_every_blob_of_an_image(at, monkeypatch):
    collections = []
    monkeypatch.setattr(GarbageCollector, "collect", lambda *arguments: collections.append(arguments))
    scenario = at("C", disk_reserve=999_999_999)
    scenario.finish_import()
    for digest in (LAYER.digest, CHILD.config.digest):
        assert scenario.get(f"blobs/{digest}").said == "200"
    assert len(collections) == 1
    scenario.cache.advance(minutes=1)
    assert scenario.get(f"blobs/{LAYER.digest}").said == "200"
    assert len(collections) == 2


def test_referrers_are_listed_on_a_full_disk(at):
    scenario = at("F")
    with read_only_disk(scenario.cache.emulator):
        assert SIGNATURE.digest in scenario.act().body.decode()
    scenario.check_recovery()


def test_a_blob_that_does_not_fit_on_the_disk_takes_no_room_from_a_smaller_one(at, monkeypatch):
    monkeypatch.setattr("ecr_emulator.storage.blobs.files.free_bytes", lambda _: 100 * 1024 * 1024 + LAYER.size - 1)
    scenario = at("C")
    scenario.finish_import()
    assert scenario.told() == "StorageFailure"
    everything = {blob.digest for child in APP.images for blob in child.blobs}
    assert scenario.stored_blobs() == everything - {LAYER.digest}


def test_blobs_under_way_have_their_room(at, monkeypatch):
    scenario = at("B")
    other = layer("other", LAYER.size)
    scenario.upstream.add_image(TEAM, image("other", other), "v2")
    assert scenario.get("manifests/v2").said == "200"
    go_on = Event()
    scenario.upstream.fail(scenario.target, stalls(go_on, after=100_000))
    path = f"/v2/{NAME}/blobs/{LAYER.digest}"
    body = scenario.cache.get(path).iter_encoded()
    begun = next(body)
    monkeypatch.setattr("ecr_emulator.storage.blobs.files.free_bytes", lambda _: 100 * 1024 * 1024 + 250_000)
    assert scenario.get(f"blobs/{other.digest}").body == other.raw
    assert other.digest not in scenario.stored_blobs()
    go_on.set()
    assert begun + b"".join(body) == LAYER.raw
    assert LAYER.digest in scenario.stored_blobs()
