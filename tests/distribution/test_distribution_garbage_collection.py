"""Garbage collection, by the clock or on request, deletes only unneeded blobs and uploads."""

import threading
from datetime import timedelta

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.docker import Docker, refusal

BLOB = layer("loose", 10_000)


def stored(emulator):
    """Return the numbers of blob files and of upload files in the data directory."""
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


class SlowChunk:
    """A chunk that is being sent. Its bytes arrive when ``ended`` asks for the answer."""

    def __init__(self, docker, location, *pieces):
        self._pieces, self._answers = list(pieces), []
        self._started, self._go_on = threading.Event(), threading.Event()
        body = {"wsgi.input": self, "CONTENT_LENGTH": str(sum(map(len, pieces)))}
        self._sending = threading.Thread(
            target=lambda: self._answers.append(docker.send("PATCH", location, environ_overrides=body))
        )
        self._sending.start()
        assert self._started.wait(60)

    def read(self, _=-1):
        self._started.set()
        self._go_on.wait(60)
        return self._pieces.pop(0) if self._pieces else b""

    def finish(self):
        self._go_on.set()
        self._sending.join(10)
        return self._answers[0]


def ask_for(docker, plane, blob=BLOB):
    """Ask whether a layer exists, as clients do before they push the manifest."""
    if plane == "registry":
        assert docker.send("HEAD", f"/v2/team/app/blobs/{blob.digest}").status_code == 200
    else:
        answer = docker.ecr.batch_check_layer_availability(repositoryName="team/app", layerDigests=[blob.digest])
        assert [each["layerAvailability"] for each in answer["layers"]] == ["AVAILABLE"]


def test_an_upload_without_progress_for_a_day_is_deleted(docker):
    location = docker.begin()
    docker.send("PATCH", location, data=b"half of it")
    wait(docker, hours=23)
    docker.send("PATCH", location, data=b", and a little more")
    wait(docker, hours=23)
    assert docker.get(location).status_code == 204
    wait(docker, hours=25)
    assert refusal(docker.get(location))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert stored(docker.emulator) == (0, 0)


def test_the_bytes_of_an_upload_are_deleted_with_its_repository(docker):
    docker.send("PATCH", docker.begin(), data=b"half of it")
    docker.ecr.delete_repository(repositoryName="team/app", force=True)
    assert collect(docker) == {"uploads": 1, "layers": 0, "blobs": 0, "bytes": 0}
    assert stored(docker.emulator) == (0, 0)


def test_an_upload_whose_bytes_are_just_arriving_is_never_collected(docker):
    location = docker.begin()
    slow = SlowChunk(docker, location, b"slow, ", b"but steady")
    wait(docker, hours=50)
    assert collect(docker)["uploads"] == 0
    answer = slow.finish()
    assert (answer.status_code, answer.headers["Range"]) == (202, "0-15")


@pytest.mark.parametrize("hour", range(24))
def test_a_push_survives_a_move_of_25_hours_after_any_collection(docker, hour):
    wait(docker, hours=hour)
    pushed = image("app", BLOB)
    docker.push_blob(pushed.config)
    location = docker.begin()
    wait(docker, hours=25)
    assert docker.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw).status_code == 201
    assert docker.put(pushed, "v1").status_code == 201


def test_the_grace_of_a_slow_upload_begins_at_its_end(docker):
    location = docker.begin()
    slow = SlowChunk(docker, location, BLOB.raw)
    wait(docker, hours=2)
    slow.finish()
    assert collect(docker, grace="1h")["uploads"] == 0
    docker.send("PUT", f"{location}?digest={BLOB.digest}")
    assert collect(docker, grace="1h")["layers"] == 0


def test_two_chunks_for_one_upload_take_turns(docker):
    location = docker.begin()
    first = SlowChunk(docker, location, b"one ", b"after ")
    second = threading.Thread(target=lambda: docker.send("PATCH", location, data=b"the other"))
    second.start()
    second.join(0.3)  # the second chunk waits for the first; otherwise it would have ended
    assert second.is_alive()
    first.finish()
    second.join(10)
    digest = digest_of(b"one after the other")
    assert docker.send("PUT", f"{location}?digest={digest}").status_code == 201


def test_layers_of_a_deleted_image_are_deleted_unless_another_image_has_them(docker):
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


def test_a_layer_without_a_manifest_has_a_day_of_grace(docker):
    docker.push_blob(BLOB)
    wait(docker, hours=23)
    assert collect(docker, grace="24h")["layers"] == 0
    wait(docker, hours=26)
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").status_code == 404


@pytest.mark.parametrize("plane", ["registry", "api"])
def test_a_layer_that_a_client_asked_for_is_not_collected(docker, plane):
    wait(docker, hours=20)
    docker.push_blob(BLOB)
    wait(docker, hours=20)
    ask_for(docker, plane)
    wait(docker, hours=9)  # the collection in the 48th hour keeps layers that were pushed or asked for since the 24th
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


@pytest.mark.parametrize("plane", ["registry", "api"])
def test_a_layer_that_a_client_asked_for_stays_when_its_image_is_deleted(docker, plane):
    base = image("base")
    docker.push(base, "v1")
    wait(docker, hours=30)
    ask_for(docker, plane, base.layers[0])
    docker.ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    assert collect(docker, grace="1h")["layers"] == len(base.blobs) - 1
    assert docker.get(f"/v2/team/app/blobs/{base.layers[0].digest}").data == base.layers[0].raw


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


def test_collection_is_daily_also_after_a_reset_and_a_restart(tmp_path):
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
def test_a_malformed_grace_is_refused(docker, grace):
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


def test_a_layer_has_the_maximum_size_of_ecr(docker, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.uploads.MAX_LAYER_SIZE", 9_000)
    location = docker.begin()
    assert refusal(docker.send("PATCH", location, data=BLOB.raw))[:2] == (403, "DENIED")
    assert docker.get(location).headers["Range"] == "0-0"
