"""Snapshots on a file system that has no hard links, such as exFAT: files are copied instead."""

import errno
import os

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.images import put_image
from tests.support.limits import largest_file

SIZE = 2_000_000
APP = image("app", layer("app", SIZE))


def files_below(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(params=["EPERM", "EOPNOTSUPP", "EXDEV"])
def refuse_links(request, monkeypatch):
    def refuse(source, target):
        code = getattr(errno, request.param)
        raise OSError(code, os.strerror(code), source, None, target)

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("refuse_links")
def test_layers_and_uploads_are_there_again_each_time(client):
    put_image(client.ecr, "team/app", APP, "v1")
    session = client.call("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    session = client.call("PATCH", session, data=b"one ").headers["Location"]
    snapshot = client.emulator.snapshots.take()
    blobs = files_below(client.emulator.data_dir / "blobs")
    for number in range(2):
        ends = client.call("PATCH", session, data=b"two").headers["Location"]
        if number:
            client.call("PUT", ends, query_string={"digest": digest_of(b"one two")})
        client.ecr.delete_repository(repositoryName="team/app", force=True)
        client.http.post("/_ecr/gc", json={"grace": "0s"})
        client.emulator.snapshots.restore(snapshot)
        assert client.tags("team/app") == {"v1": APP.digest}
        for blob in APP.blobs:
            answer = client.call("GET", f"/v2/team/app/blobs/{blob.digest}", follow_redirects=True)
            assert answer.data == blob.raw
        assert files_below(client.emulator.data_dir / "blobs") == blobs


@pytest.mark.parametrize("refuse_links", ["EPERM"], indirect=True)
@pytest.mark.usefixtures("refuse_links")
def test_a_file_is_saved_and_loaded(client):
    put_image(client.ecr, "team/app", APP, "v1")
    saved = client.http.get("/_ecr/state").data
    client.emulator.reset()
    assert client.http.put("/_ecr/state", data=saved, content_type="application/x-tar").status_code == 200
    assert client.tags("team/app") == {"v1": APP.digest}


@pytest.mark.parametrize("refuse_links", ["EPERM"], indirect=True)
@pytest.mark.usefixtures("refuse_links")
def test_no_part_of_a_copy_is_left_on_a_disk_that_fills_up(client):
    put_image(client.ecr, "team/app", APP, "v1")
    before = files_below(client.emulator.data_dir / "blobs")
    snapshot = client.emulator.snapshots.take()
    taken = files_below(client.emulator.data_dir / "snapshots")
    with largest_file(SIZE - 1), pytest.raises(StorageFailure, match="cannot be written"):
        client.emulator.snapshots.take()
    assert files_below(client.emulator.data_dir / "snapshots") == taken
    (largest,) = (client.emulator.data_dir / "blobs").rglob(APP.layers[0].digest.removeprefix("sha256:"))
    largest.unlink()
    with largest_file(SIZE - 1), pytest.raises(StorageFailure, match="cannot be written"):
        client.emulator.snapshots.restore(snapshot)
    assert not largest.exists()
    client.emulator.snapshots.restore(snapshot)
    assert files_below(client.emulator.data_dir / "blobs") == before
    assert files_below(client.emulator.data_dir / "snapshots") == taken


def test_another_failure_is_no_reason_to_copy(client, monkeypatch):
    put_image(client.ecr, "team/app", APP, "v1")

    def fail(source, target):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(StorageFailure, match="Input/output error"):
        client.emulator.snapshots.take()
