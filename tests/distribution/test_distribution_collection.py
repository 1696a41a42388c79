"""What nobody needs is collected by the clock or on request, and nothing else is."""

import threading
from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.docker import Docker, refusal
from tests.support.upstream_images import image, layer

BLOB = layer("loose", 10_000)


def stored(emulator):
    """How many files the data directory has of blobs, and of uploads."""
    folder = emulator.data_dir
    blobs = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
    return len(blobs), len(list((folder / "ingest").iterdir()))


def wait(docker, **time):
    docker.emulator.clock.advance(timedelta(**time))
    docker.log_in()


def collect(docker, grace="0s"):
    answer = docker.http.post("/_ecr/gc", json={"grace": grace})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_upload_that_stands_still_for_a_day_is_given_up(docker):
    location = docker.begin()
    docker.send("PATCH", location, data=b"half of it")
    wait(docker, hours=23)
    docker.send("PATCH", location, data=b", and a little more")
    wait(docker, hours=23)
    assert docker.get(location).status_code == 204
    wait(docker, hours=25)
    assert refusal(docker.get(location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert stored(docker.emulator) == (0, 0)


def test_the_bytes_of_an_upload_go_with_its_repository(docker):
    docker.send("PATCH", docker.begin(), data=b"half of it")
    docker.ecr.delete_repository(repositoryName="team/app", force=True)
    assert collect(docker) == {"uploads": 1, "layers": 0, "blobs": 0, "bytes": 0}
    assert stored(docker.emulator) == (0, 0)


def test_an_upload_whose_bytes_are_just_arriving_is_never_collected(docker):
    location = docker.begin()
    started, go_on = threading.Event(), threading.Event()

    class Slow:
        def __init__(self):
            self.pieces = [b"slow, ", b"but steady"]

        def read(self, _=-1):
            started.set()
            go_on.wait(10)
            return self.pieces.pop(0) if self.pieces else b""

    answers = []
    body = {"wsgi.input": Slow(), "CONTENT_LENGTH": "16"}
    sending = threading.Thread(target=lambda: answers.append(docker.send("PATCH", location, environ_overrides=body)))
    sending.start()
    assert started.wait(10)
    wait(docker, hours=50)
    assert collect(docker)["uploads"] == 0
    go_on.set()
    sending.join(10)
    assert (answers[0].status_code, answers[0].headers["Range"]) == (202, "0-15")


def test_the_layers_of_a_deleted_image_go_and_those_of_another_stay(docker):
    kept, gone = image("kept"), image("gone")
    for each in (kept, gone):
        docker.push(each)
    before, _ = stored(docker.emulator)
    docker.send("DELETE", f"/v2/team/app/manifests/{gone.digest}")
    counts = collect(docker)
    assert (counts["layers"], counts["blobs"]) == (len(gone.blobs), len(gone.blobs))
    assert counts["bytes"] == sum(blob.size for blob in gone.blobs)
    assert stored(docker.emulator) == (before - len(gone.blobs), 0)
    for blob in kept.blobs:
        assert docker.get(f"/v2/team/app/blobs/{blob.digest}").data == blob.raw
    for blob in gone.blobs:
        assert refusal(docker.get(f"/v2/team/app/blobs/{blob.digest}"))[:2] == (404, "BLOB_UNKNOWN")


def test_a_blob_that_another_repository_holds_stays(docker):
    docker.ecr.create_repository(repositoryName="team/other")
    shared = image("shared")
    docker.push(shared)
    docker.push(shared, name="team/other")
    docker.ecr.delete_repository(repositoryName="team/app", force=True)
    assert collect(docker)["blobs"] == 0
    assert docker.get(f"/v2/team/other/blobs/{shared.layers[0].digest}").data == shared.layers[0].raw


def test_a_layer_whose_manifest_is_still_to_come_has_a_day_of_grace(docker):
    docker.push_blob(BLOB)
    wait(docker, hours=23)
    assert collect(docker, grace="24h")["layers"] == 0
    wait(docker, hours=26)
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").status_code == 404


@pytest.mark.parametrize("plane", ["registry", "api"])
def test_a_client_that_is_told_that_a_layer_is_there_can_count_on_it(docker, plane):
    docker.push_blob(BLOB)
    wait(docker, hours=20)
    if plane == "registry":
        assert docker.send("HEAD", f"/v2/team/app/blobs/{BLOB.digest}").status_code == 200
    else:
        docker.ecr.batch_check_layer_availability(repositoryName="team/app", layerDigests=[BLOB.digest])
    wait(docker, hours=20)
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


def test_a_layer_that_is_pushed_again_begins_its_grace_again(docker):
    docker.push_blob(BLOB)
    wait(docker, hours=20)
    docker.push_blob(BLOB)
    wait(docker, hours=20)
    assert collect(docker, grace="24h")["layers"] == 0


def test_bytes_that_a_crash_left_between_disk_and_database_are_collected(docker):
    writer = docker.emulator.services.blobs.begin(docker.emulator.services.ids.uuid())
    writer.write(BLOB.raw)
    assert writer.commit(BLOB.digest)
    assert collect(docker)["bytes"] == BLOB.size
    assert stored(docker.emulator) == (0, 0)


def test_bytes_that_are_about_to_be_given_to_a_repository_are_not(docker, monkeypatch):
    services = docker.emulator.services
    real = services.store.writing

    def late():
        monkeypatch.setattr(services.store, "writing", real)
        assert services.collector.collect(services.clock.now()).blobs == 0
        monkeypatch.setattr(services.store, "writing", late)
        return real()

    location = docker.begin()
    docker.send("PATCH", location, data=BLOB.raw)
    monkeypatch.setattr(services.store, "writing", late)
    assert docker.send("PUT", f"{location}?digest={BLOB.digest}").status_code == 201
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


def test_it_is_done_every_day_also_after_a_reset_and_a_restart(tmp_path):
    settings = Settings(data_dir=tmp_path)
    with Emulator(settings) as emulator:
        emulator.reset()
        due = emulator.services.store.next_due
        assert due - emulator.clock.now() <= timedelta(hours=24)
    with Emulator(settings) as emulator:
        assert emulator.services.store.next_due == due
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        for _ in range(2):
            docker.push_blob(BLOB)
            wait(docker, hours=49)
            assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").status_code == 404
            assert stored(emulator) == (0, 0)


@pytest.mark.parametrize("grace", ["soon", None, "-1h"])
def test_a_grace_that_is_none_is_refused(docker, grace):
    answer = docker.http.post("/_ecr/gc", json={"grace": grace})
    assert answer.status_code == 400
    assert 'like {"grace": "1h"}' in answer.json["error"]


def test_a_blob_posted_whole_with_a_wrong_digest_leaves_no_session(docker):
    answer = docker.send("POST", f"/v2/team/app/blobs/uploads/?digest={BLOB.digest}", data=b"something else")
    assert refusal(answer)[:2] == (400, "DIGEST_INVALID")
    answer = docker.send(
        "POST", f"/v2/team/app/blobs/uploads/?digest={BLOB.digest}", {"Content-Range": "5-9"}, data=b"five!"
    )
    assert answer.status_code == 416
    assert stored(docker.emulator) == (0, 0)
    with docker.emulator.services.store.reading() as work:
        assert work.uploads.ids() == set()


def test_a_layer_may_not_be_larger_than_ecr_takes(docker, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.uploads.MAX_LAYER_SIZE", 9_000)
    location = docker.begin()
    assert refusal(docker.send("PATCH", location, data=BLOB.raw))[:2] == (403, "DENIED")
    assert docker.get(location).headers["Range"] == "0-0"
