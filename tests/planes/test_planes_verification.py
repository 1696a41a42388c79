"""Verification reports damaged, missing and leftover files. The next push restores those that are needed."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress

import pytest

from ecr_emulator.services import verification
from ecr_emulator.testing.upstream.images import image, layer
from tests.support.damage import DAMAGES, damage_blob, damage_manifest, file_of, flipped, removed
from tests.support.images import an_image
from tests.support.planes import Refused, push
from tests.support.verification import verify

APP = "team/app"
PLACE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/team/app"
IMAGE, OTHER = an_image("app"), an_image("other")
LAYER = IMAGE.layers[0]


@pytest.fixture(autouse=True)
def _app(client, plane):
    client.ecr.create_repository(repositoryName=APP)
    push(plane, APP, IMAGE, "v1")
    push(plane, APP, OTHER, "v2")


def pulled(client, path):
    return client.call("GET", f"/v2/{APP}/{path}")


def test_verification_of_intact_blobs_finds_nothing(client):
    findings, last = verify(client.http)
    blobs = {blob.digest: blob.size for each in (IMAGE, OTHER) for blob in each.blobs}
    assert findings == []
    assert last == {"total": sum(blobs.values()), "bytes": sum(blobs.values()), "blobs": len(blobs), "manifests": 2}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_layer_is_found_and_pushed_again(client, plane, damage):
    damage_blob(client.emulator, LAYER.digest, damage)
    state = "missing" if damage is removed else "damaged"
    findings, _ = verify(client.http)
    assert findings == [(state, "blob", LAYER.digest, "broken")]
    assert pulled(client, f"blobs/{LAYER.digest}").status_code == 404
    assert verify(client.http)[0] == [("missing", "blob", LAYER.digest, "broken")]
    plane.push_blob(APP, LAYER.raw)
    assert verify(client.http)[0] == []
    assert pulled(client, f"blobs/{LAYER.digest}").data == LAYER.raw


@pytest.mark.blob_files
def test_damage_that_changes_no_date_is_found(client):
    path = file_of(client.emulator.data_dir, LAYER.digest)
    before = path.stat()
    flipped(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(client.http)[0] == [("damaged", "blob", LAYER.digest, "broken")]


@pytest.mark.blob_files
def test_a_layer_that_cannot_be_read_is_damaged(client, plane):
    path = file_of(client.emulator.data_dir, LAYER.digest)
    path.unlink()
    path.symlink_to("/proc/self/mem")  # can be opened, and cannot be read
    assert verify(client.http)[0] == [("damaged", "blob", LAYER.digest, "broken")]
    plane.push_blob(APP, LAYER.raw)
    assert verify(client.http)[0] == []


@pytest.mark.sqlite
def test_a_database_that_contradicts_itself_is_found(client):
    with closing(sqlite3.connect(client.emulator.data_dir / "ecr.sqlite")) as database, database:
        (version,) = database.execute("PRAGMA schema_version").fetchone()
        database.execute("PRAGMA writable_schema = ON")
        index = "CREATE INDEX images_by_digest ON images (media_type)"
        database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'images_by_digest'", (index,))
        database.execute(f"PRAGMA schema_version = {version + 1}")
    findings, _ = verify(client.http)
    assert ("damaged", "database", "row 1 missing from index images_by_digest", "broken") in findings


def test_the_repositories_that_need_a_damaged_layer_are_reported(client):
    damage_blob(client.emulator, LAYER.digest, flipped)
    steps = map(json.loads, client.http.post("/_ecr/verify", content_type="application/json").text.splitlines())
    [finding] = [step for step in steps if "state" in step]
    assert finding["places"] == [PLACE]
    assert finding["reason"] == "no upstream has it; push it again"


def gone_from_database(client):
    with closing(sqlite3.connect(client.emulator.data_dir / "ecr.sqlite")) as database, database:
        database.execute("DELETE FROM manifests WHERE digest = ?", (IMAGE.digest,))


def wrong_in_database(client):
    damage_manifest(client.emulator.data_dir, IMAGE.digest)


@pytest.mark.sqlite
@pytest.mark.parametrize(("damage", "state"), [(wrong_in_database, "damaged"), (gone_from_database, "missing")])
def test_a_damaged_manifest_is_found_and_pushed_again(client, plane, damage, state):
    damage(client)
    assert verify(client.http)[0] == [(state, "manifest", IMAGE.digest, "broken")]
    with suppress(Refused):  # PutImage reports that the image exists
        plane.push_manifest(APP, IMAGE, "v1")
    assert verify(client.http)[0] == []
    assert pulled(client, "manifests/v1").data == IMAGE.raw


@pytest.mark.blob_files
def test_leftover_files_are_reported_and_stay(client):
    blobs = client.emulator.data_dir / "blobs"
    for stray in ("notes.txt", "sha256/ab/abc.tmp", f"sha256/zz/{LAYER.digest[7:]}"):
        (blobs / stray).parent.mkdir(exist_ok=True, parents=True)
        (blobs / stray).write_bytes(b"?")
    unknown = layer("unknown to the database")
    path = file_of(client.emulator.data_dir, unknown.digest)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(unknown.raw)
    findings, _ = verify(client.http)
    assert sorted(findings) == sorted([
        ("left over", "blob", unknown.digest, "well"),
        ("left over", "file", "blobs/notes.txt", "well"),
        ("left over", "file", "blobs/sha256/ab/abc.tmp", "well"),
        ("left over", "file", f"blobs/sha256/zz/{LAYER.digest[7:]}", "well"),
    ])  # fmt: skip
    assert client.http.post("/_ecr/gc", json={"grace": "0s"}).json["blobs"] == 1


@pytest.mark.blob_files
def test_a_damaged_blob_that_no_image_needs_is_not_a_loss(client):
    path = file_of(client.emulator.data_dir, layer("unknown").digest)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"something else")
    assert verify(client.http)[0] == [("damaged", "blob", layer("unknown").digest, "well")]
    assert not path.exists()


@pytest.mark.sqlite
def test_more_blobs_and_manifests_are_verified_than_one_batch_holds(client, plane, monkeypatch):
    monkeypatch.setattr(verification, "BLOBS_AT_ONCE", 2)
    monkeypatch.setattr(verification, "MANIFESTS_AT_ONCE", 2)
    apps = [image(number) for number in range(5)]
    for app in apps:
        push(plane, APP, app)
        damage_blob(client.emulator, app.layers[0].digest, removed)
        damage_manifest(client.emulator.data_dir, app.digest)
    findings, last = verify(client.http)
    assert last["manifests"] == 7
    assert set(findings) == {
        *(("missing", "blob", app.layers[0].digest, "broken") for app in apps),
        *(("damaged", "manifest", app.digest, "broken") for app in apps),
    }


def test_progress_is_reported_while_a_large_blob_is_read(client, plane, monkeypatch):
    monkeypatch.setattr(verification, "STEP", 1_000)
    monkeypatch.setattr(verification, "PROGRESS_EVERY", 2_000)
    large = layer("large", 10_500)
    plane.push_blob(APP, large.raw)
    steps = map(json.loads, client.http.post("/_ecr/verify", content_type="application/json").text.splitlines())
    assert len({step["bytes"] for step in steps}) >= 5
