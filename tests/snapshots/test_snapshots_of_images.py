"""Snapshots of repositories, images and uploads: a test suite goes back to one after each test."""

import pytest

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.snapshots import ForeignSnapshot
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.planes import EmulatorClient

KEEP_ONE = """{"rules": [{
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
    "action": {"type": "expire"}
}]}"""


def blob_files(emulator):
    return {path.name for path in (emulator.data_dir / "blobs").rglob("*") if path.is_file()}


def pulled(client, name, digest):
    return client.call("GET", f"/v2/{name}/blobs/{digest}", follow_redirects=True).data


def test_a_test_leaves_nothing_behind(client):
    app, other = an_image("app"), an_image("other")
    put_image(client.ecr, "team/app", app, "v1")
    files = blob_files(client.emulator)
    snapshot = client.emulator.snapshots.take()

    client.ecr.create_repository(repositoryName="team/new")
    put_image(client.ecr, "team/new", other, "v1")
    put_image(client.ecr, "team/app", other, "v1")
    client.emulator.snapshots.restore(snapshot)

    names = [each["repositoryName"] for each in client.ecr.describe_repositories()["repositories"]]
    assert names == ["team/app"]
    assert client.tags("team/app") == {"v1": app.digest}
    assert blob_files(client.emulator) == files


@pytest.mark.parametrize("times", [1, 3])
def test_what_a_test_deleted_is_there_again_each_time(client, times):
    app = an_image("app")
    put_image(client.ecr, "team/app", app, "v1")
    snapshot = client.emulator.snapshots.take()
    for _ in range(times):
        client.ecr.delete_repository(repositoryName="team/app", force=True)
        client.http.post("/_ecr/gc", json={"grace": "0s"})
        assert blob_files(client.emulator) == set()
        client.emulator.snapshots.restore(snapshot)
        assert client.tags("team/app") == {"v1": app.digest}
        assert [pulled(client, "team/app", blob.digest) for blob in app.blobs] == [blob.raw for blob in app.blobs]


def test_a_reset_is_undone(client):
    put_image(client.ecr, "team/app", an_image("app"), "v1")
    snapshot = client.emulator.snapshots.take()
    client.emulator.reset()
    client.emulator.snapshots.restore(snapshot)
    assert client.tags("team/app") == {"v1": an_image("app").digest}


def test_snapshots_are_independent_of_each_other(client):
    empty = client.emulator.snapshots.take()
    put_image(client.ecr, "team/app", an_image("app"), "v1")
    full = client.emulator.snapshots.take()
    client.emulator.snapshots.restore(empty)
    assert client.digests("team/app") == set()
    client.emulator.snapshots.restore(full)
    assert client.digests("team/app") == {an_image("app").digest}


def test_a_damaged_layer_is_whole_again(client):
    """Somebody replaced a file in the data directory, to see what becomes of it."""
    app = an_image("app")
    put_image(client.ecr, "team/app", app, "v1")
    snapshot = client.emulator.snapshots.take()
    layer = app.layers[0]
    (path,) = (client.emulator.data_dir / "blobs").rglob(layer.digest.removeprefix("sha256:"))
    path.unlink()
    path.write_bytes(b"damaged")
    client.emulator.snapshots.restore(snapshot)
    assert pulled(client, "team/app", layer.digest) == layer.raw


def test_a_restore_that_failed_can_be_repeated(client):
    """A folder is in the place of a layer, so that no file can be put there."""
    app = an_image("app")
    put_image(client.ecr, "team/app", app, "v1")
    snapshot = client.emulator.snapshots.take()
    layer = app.layers[0]
    (path,) = (client.emulator.data_dir / "blobs").rglob(layer.digest.removeprefix("sha256:"))
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageFailure, match="Is a directory"):
        client.emulator.snapshots.restore(snapshot)
    path.rmdir()
    client.emulator.snapshots.restore(snapshot)
    assert pulled(client, "team/app", layer.digest) == layer.raw


def test_an_upload_goes_on_from_where_it_was(client):
    """The bytes that were written after the snapshot do not reach the layer, though the upload has the same id."""
    session = client.call("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    session = client.call("PATCH", session, data=b"one ").headers["Location"]
    snapshot = client.emulator.snapshots.take()
    first = client.call("PATCH", session, data=b"two").headers["Location"]
    digest = digest_of(b"one two")
    assert client.call("PUT", first, query_string={"digest": digest}).status_code == 201

    client.emulator.snapshots.restore(snapshot)
    second = client.call("PATCH", session, data=b"2").headers["Location"]
    digest = digest_of(b"one 2")
    assert client.call("PUT", second, query_string={"digest": digest}).status_code == 201
    assert pulled(client, "team/app", digest) == b"one 2"


def test_an_upload_of_two_snapshots_has_the_bytes_of_each(client):
    session = client.call("POST", "/v2/team/app/blobs/uploads/").headers["Location"]
    session = client.call("PATCH", session, data=b"one ").headers["Location"]
    one = client.emulator.snapshots.take()
    after_two = client.call("PATCH", session, data=b"two").headers["Location"]
    one_two = client.emulator.snapshots.take()
    client.emulator.snapshots.restore(one)
    assert client.call("PATCH", session, data=b"TWO").status_code == 202
    client.emulator.snapshots.restore(one_two)
    query = {"digest": digest_of(b"one two")}
    assert client.call("PUT", after_two, query_string=query).status_code == 201


def test_what_is_due_is_done_again(client):
    """A lifecycle policy deletes an image after the snapshot, and again after it was restored."""
    put_image(client.ecr, "team/app", an_image("old"), "old")
    client.advance(minutes=1)
    put_image(client.ecr, "team/app", an_image("new"), "new")
    client.ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=KEEP_ONE)
    snapshot = client.emulator.snapshots.take()
    for _ in range(2):
        assert sorted(client.tags("team/app")) == ["new", "old"]
        client.advance(hours=25)
        assert sorted(client.tags("team/app")) == ["new"]
        client.emulator.snapshots.restore(snapshot)


def test_tokens_from_before_stay_good(client):
    token = client.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    snapshot = client.emulator.snapshots.take()
    client.emulator.snapshots.restore(snapshot)
    assert client.http.get("/v2/", headers={"Authorization": f"Basic {token}"}).status_code == 200


def test_a_snapshot_of_another_emulator_is_refused_and_nothing_is_lost(client):
    with Emulator(Settings()) as other:
        foreign = other.snapshots.take()
    with pytest.raises(ForeignSnapshot, match="is of another emulator"):
        client.emulator.snapshots.restore(foreign)
    assert client.digests("team/app") == set()


def test_links_go_with_the_snapshot_that_needs_them_and_with_the_process(tmp_path):
    links = tmp_path / "snapshots"
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="team/app")
        put_image(ecr, "team/app", an_image("app"), "v1")
        kept, dropped = emulator.snapshots.take(), emulator.snapshots.take()
        assert len(list(links.iterdir())) == 2
        del dropped
        assert len(list(links.iterdir())) == 1
        emulator.snapshots.restore(kept)
    assert not links.exists()
    (links / "left-by-a-process-that-was-killed").mkdir(parents=True)
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert not links.exists()
        assert EmulatorClient(emulator).tags("team/app") == {"v1": an_image("app").digest}
