"""Layers whose files were damaged: no response says that they exist, and the next push restores them."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest

from tests.support.damage import DAMAGES, damage_blob, damage_manifest
from tests.support.images import an_image
from tests.support.planes import Refused, push

APP, OTHER = "team/app", "team/other"
IMAGE = an_image()
LAYER = IMAGE.layers[0]
THERE = ("111122223333", "eu-west-1")


@pytest.fixture(autouse=True)
def _app(client):
    client.ecr.create_repository(repositoryName=APP)


def break_layer(client, damage):
    damage_blob(client.emulator, LAYER.digest, damage)


def pulled(client, name=APP):
    return client.call("GET", f"/v2/{name}/blobs/{LAYER.digest}").data


def availability(client):
    [found] = client.ecr.batch_check_layer_availability(repositoryName=APP, layerDigests=[LAYER.digest])["layers"]
    return found["layerAvailability"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_pushing_a_damaged_layer_again_heals_it(client, plane, other_plane, damage):
    push(plane, APP, IMAGE, "v1")
    break_layer(client, damage)
    other_plane.push_blob(APP, LAYER.raw)
    assert pulled(client) == LAYER.raw


@pytest.mark.parametrize("damage", DAMAGES)
def test_pushing_a_damaged_layer_in_one_request_heals_it(client, damage):
    path = f"/v2/{APP}/blobs/uploads/?digest={LAYER.digest}"
    for _ in range(2):
        assert client.call("POST", path, data=LAYER.raw).status_code == 201
        assert pulled(client) == LAYER.raw
        break_layer(client, damage)


@pytest.mark.parametrize("damage", DAMAGES)
def test_pushing_a_damaged_layer_to_one_repository_heals_it_in_all(client, plane, damage):
    there = {"region": THERE[1], "registryId": THERE[0]}
    client.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [there]}]})
    client.ecr.create_repository(repositoryName=OTHER)
    push(plane, APP, IMAGE, "v1")
    client.advance(minutes=1)
    client.ecr.list_images(repositoryName=APP)
    break_layer(client, damage)
    plane.push_blob(OTHER, LAYER.raw)
    assert pulled(client) == LAYER.raw
    assert pulled(client, f"{THERE[0]}/{THERE[1]}/{APP}") == LAYER.raw


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_response_says_that_a_damaged_layer_exists(client, plane, damage):
    push(plane, APP, IMAGE, "v1")
    break_layer(client, damage)
    assert availability(client) == "UNAVAILABLE"
    assert client.call("HEAD", f"/v2/{APP}/blobs/{LAYER.digest}").status_code == 404
    with pytest.raises(client.ecr.exceptions.LayersNotFoundException):
        client.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=LAYER.digest)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_layer_does_not_already_exist(client, damage):
    for _ in range(2):
        upload = client.ecr.initiate_layer_upload(repositoryName=APP)["uploadId"]
        client.ecr.upload_layer_part(
            repositoryName=APP, uploadId=upload, partFirstByte=0, partLastByte=LAYER.size - 1, layerPartBlob=LAYER.raw
        )
        client.ecr.complete_layer_upload(repositoryName=APP, uploadId=upload, layerDigests=[LAYER.digest])
        assert availability(client) == "AVAILABLE"
        break_layer(client, damage)


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_image_is_not_stored_without_its_layers(client, plane, damage):
    for blob in IMAGE.blobs:
        plane.push_blob(APP, blob.raw)
    break_layer(client, damage)
    with pytest.raises(Refused, match=LAYER.digest):
        plane.push_manifest(APP, IMAGE, "v1")
    plane.push_blob(APP, LAYER.raw)
    plane.push_manifest(APP, IMAGE, "v1")
    assert client.tags(APP) == {"v1": IMAGE.digest}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_layer_is_not_mounted(client, plane, damage):
    client.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    client.ecr.create_repository(repositoryName=OTHER)
    push(plane, APP, IMAGE, "v1")
    break_layer(client, damage)
    mount = f"/v2/{OTHER}/blobs/uploads/?mount={LAYER.digest}&from={APP}"
    session = client.call("POST", mount)
    assert session.status_code == 202
    put = client.call("PUT", f"{session.headers['Location']}?digest={LAYER.digest}", data=LAYER.raw)
    assert put.status_code == 201
    assert pulled(client) == LAYER.raw


def test_a_wrong_size_in_a_manifest_is_not_damage(client, plane):
    app = an_image(layers=[LAYER.descriptor | {"size": LAYER.size + 1}])
    for blob in app.blobs:
        plane.push_blob(APP, blob.raw)
    plane.push_manifest(APP, app, "v1")
    assert pulled(client) == LAYER.raw


@pytest.mark.sqlite
def test_pushing_a_damaged_manifest_again_heals_it(client, plane, other_plane):
    push(plane, APP, IMAGE, "v1")
    damage_manifest(client.emulator.data_dir, IMAGE.digest)
    assert client.call("GET", f"/v2/{APP}/manifests/v1").data != IMAGE.raw
    with suppress(Refused):  # PutImage reports that the image exists
        other_plane.push_manifest(APP, IMAGE, "v1")
    assert client.call("GET", f"/v2/{APP}/manifests/v1").data == IMAGE.raw


@pytest.mark.blob_files
def test_a_push_creates_a_deleted_folder_of_blobs_again(client, plane):
    push(plane, APP, IMAGE, "v1")
    shutil.rmtree(client.emulator.data_dir / "blobs")
    assert availability(client) == "UNAVAILABLE"
    for blob in IMAGE.blobs:
        plane.push_blob(APP, blob.raw)
    assert pulled(client) == LAYER.raw
