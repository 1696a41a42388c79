"""Upload sessions: their ids, requests that open none, and sessions whose bytes are lost."""

import os
import shutil

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.services import upload_sessions
from ecr_emulator.testing.upstream.images import layer
from tests.support.docker import refusal
from tests.support.images import an_image

BLOB = layer("blob", 10_000)
UPLOADS = "/v2/team/app/blobs/uploads/"


def named(answer):
    """Return the id of a session, which both headers contain."""
    upload = answer.headers["Docker-Upload-UUID"]
    assert answer.headers["Location"].endswith(f"{UPLOADS}{upload}")
    return upload


def test_each_answer_names_the_session(docker):
    begun = docker.send("POST", UPLOADS)
    upload = named(begun)
    assert named(docker.send("POST", UPLOADS)) != upload
    location = begun.headers["Location"]
    assert named(docker.send("PATCH", location, data=BLOB.raw[:100])) == upload
    assert named(docker.get(location)) == upload
    with docker.emulator.services.store.reading() as work:
        assert upload in work.uploads.ids()


def test_a_mount_that_becomes_an_upload_names_its_session(docker):
    named(docker.send("POST", f"{UPLOADS}?mount={BLOB.digest}&from=no/such"))


@pytest.mark.parametrize(
    "query", ["mount=", "mount=&from=team/app", "from=team/app", "digest=", "mount=&digest=", "from="]
)
def test_an_empty_argument_is_ignored(docker, query):
    docker.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    begun = docker.send("POST", f"{UPLOADS}?{query}")
    assert begun.status_code == 202
    assert docker.send("PUT", f"{begun.headers['Location']}?digest={BLOB.digest}", data=BLOB.raw).status_code == 201


def test_an_empty_mount_may_come_with_the_blob(docker):
    answer = docker.send("POST", f"{UPLOADS}?mount=&digest={BLOB.digest}", data=BLOB.raw)
    assert answer.status_code == 201
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


# --- Sessions whose bytes are lost ----------------------------------------------------------------------------


def file_gone(path):
    path.unlink()


def folder_gone(path):
    shutil.rmtree(path.parent)


def bytes_gone(path):
    with path.open("r+b") as file:
        file.truncate(100)


@pytest.fixture(params=[file_gone, folder_gone, bytes_gone])
def lost(docker, request):
    """Return a session whose bytes were removed."""
    location = docker.begin()
    docker.send("PATCH", location, data=BLOB.raw[:4_000])
    request.param(docker.emulator.data_dir / "ingest" / location.rpartition("/")[2])
    return location


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
def test_the_client_of_a_lost_session_is_told_to_start_again(docker, lost, method):
    where = f"{lost}?digest={BLOB.digest}" if method == "PUT" else lost
    body = {"data": BLOB.raw[4_000:]} if method in ("PATCH", "PUT") else {}
    for _ in range(2):
        assert refusal(docker.send(method, where, **body))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    docker.push_blob(BLOB)
    assert docker.get(f"/v2/team/app/blobs/{BLOB.digest}").data == BLOB.raw


def part(ecr, upload, first, data):
    return ecr.upload_layer_part(
        repositoryName="team/app",
        uploadId=upload,
        partFirstByte=first,
        partLastByte=first + len(data) - 1,
        layerPartBlob=data,
    )


def test_the_api_does_not_find_a_lost_upload(docker, lost):
    ecr, upload = docker.ecr, lost.rpartition("/")[2]
    with pytest.raises(ecr.exceptions.UploadNotFoundException):
        part(ecr, upload, 4_000, BLOB.raw[4_000:])
    with pytest.raises(ecr.exceptions.UploadNotFoundException):
        ecr.complete_layer_upload(repositoryName="team/app", uploadId=upload, layerDigests=[BLOB.digest])


def test_an_upload_that_cannot_be_completed_is_begun_again(docker, lost):
    ecr = docker.ecr
    with pytest.raises(ecr.exceptions.UploadNotFoundException):
        ecr.complete_layer_upload(
            repositoryName="team/app", uploadId=lost.rpartition("/")[2], layerDigests=[digest_of(BLOB.raw[:4_000])]
        )
    upload = ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    part(ecr, upload, 0, BLOB.raw)
    ecr.complete_layer_upload(repositoryName="team/app", uploadId=upload, layerDigests=[BLOB.digest])


def test_a_session_without_a_byte_can_be_lost_too(docker):
    location = docker.begin()
    (docker.emulator.data_dir / "ingest" / location.rpartition("/")[2]).unlink()
    answer = docker.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw)
    assert refusal(answer)[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_collection_works_after_the_folder_of_uploads_is_deleted(docker, lost):
    shutil.rmtree(docker.emulator.data_dir / "ingest", ignore_errors=True)
    assert docker.http.post("/_ecr/gc", json={"grace": "0s"}).status_code == 200


# --- Sessions between two chunks ------------------------------------------------------------------------------

REST = BLOB.raw[4_000:]


@pytest.fixture
def begun(docker):
    """Return a session that has received some chunks, so that it is remembered."""
    location = docker.begin()
    for first in (0, 2_000):
        assert docker.send("PATCH", location, data=BLOB.raw[first : first + 2_000]).status_code == 202
    return location


def delete(docker):
    docker.ecr.delete_repository(repositoryName="team/app", force=True)


def delete_and_create(docker):
    delete(docker)
    docker.ecr.create_repository(repositoryName="team/app")


def cancel(docker):
    (upload,) = os.listdir(docker.emulator.data_dir / "ingest")
    assert docker.send("DELETE", f"{UPLOADS}{upload}").status_code == 204


def collect(docker):
    assert docker.http.post("/_ecr/gc", json={"grace": "0s"}).json["uploads"] == 1


def reset(docker):
    docker.emulator.reset()
    docker.ecr.create_repository(repositoryName="team/app")


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (delete, "NAME_UNKNOWN"),
        (delete_and_create, "BLOB_UPLOAD_UNKNOWN"),
        (cancel, "BLOB_UPLOAD_UNKNOWN"),
        (collect, "BLOB_UPLOAD_UNKNOWN"),
        (reset, "BLOB_UPLOAD_UNKNOWN"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_session_that_was_ended_between_two_chunks_is_not_found(docker, begun, end, code, method):
    end(docker)
    where = f"{begun}?digest={BLOB.digest}" if method == "PUT" else begun
    assert refusal(docker.send(method, where, data=REST))[:2] == (404, code)


def test_a_session_belongs_to_its_repository(docker, begun):
    docker.ecr.create_repository(repositoryName="team/other")
    elsewhere = begun.replace("team/app", "team/other")
    assert refusal(docker.send("PATCH", elsewhere, data=REST))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    assert docker.send("PUT", f"{begun}?digest={BLOB.digest}", data=REST).status_code == 201


def test_a_session_goes_on_where_a_snapshot_has_it(docker, begun):
    snapshots = docker.emulator.snapshots
    snapshot = snapshots.take()
    assert docker.send("PATCH", begun, data=REST).status_code == 202
    snapshots.restore(snapshot)
    assert docker.send("PATCH", begun, data=REST, headers={"Content-Range": "4000-9999"}).status_code == 202
    assert docker.send("PUT", f"{begun}?digest={BLOB.digest}").status_code == 201


def test_chunks_that_come_after_changes_of_the_repository_are_appended(docker, begun):
    docker.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    docker.push(an_image(1), "v1")
    assert docker.send("PATCH", begun, data=REST).status_code == 202
    assert docker.send("PUT", f"{begun}?digest={BLOB.digest}").status_code == 201


def test_more_sessions_than_are_remembered_go_on(docker, monkeypatch):
    monkeypatch.setattr(upload_sessions, "REMEMBERED", 1)
    locations = [docker.begin() for _ in range(3)]
    for first in (0, 4_000):
        for location in locations:
            assert docker.send("PATCH", location, data=BLOB.raw[first : first + 4_000]).status_code == 202
    for location in locations:
        assert docker.send("PUT", f"{location}?digest={BLOB.digest}", data=BLOB.raw[8_000:]).status_code == 201
