"""Foreign layers: clients need not push them, and a pushed one is kept like any other layer."""

from __future__ import annotations

import pytest

from ecr_emulator.testing.upstream.images import OCI_LAYER, image, layer
from tests.support.boto import client_of
from tests.support.images import an_image
from tests.support.planes import Refused, push

APP = "team/app"
THERE = ("111122223333", "eu-west-1")
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
NOT_FOREIGN = "application/vnd.foreign-office.nondistributable.v1.tar"


@pytest.fixture(autouse=True)
def _app(client):
    client.ecr.create_repository(repositoryName=APP)


@pytest.fixture(params=[DOCKER_FOREIGN, OCI_FOREIGN, NOT_FOREIGN])
def windows(request):
    """Return an image like those of Windows, with a foreign base layer and a layer of its own."""
    return image("windows", layer("base", 3_000, request.param), layer("own"))


def collect(client):
    answer = client.http.post("/_ecr/gc", json={"grace": "0s"})
    assert answer.status_code == 200, answer.text
    return answer.json


def pulled(client, digest, name=APP):
    return client.call("GET", f"/v2/{name}/blobs/{digest}").data


def test_a_pushed_foreign_layer_stays_as_long_as_an_image_lists_it(client, plane, windows):
    base = windows.layers[0]
    push(plane, APP, windows, "v1")
    client.advance(hours=49)
    assert collect(client)["layers"] == 0
    assert pulled(client, base.digest) == base.raw
    [known] = client.ecr.batch_check_layer_availability(repositoryName=APP, layerDigests=[base.digest])["layers"]
    assert (known["layerAvailability"], known["mediaType"]) == ("AVAILABLE", base.media_type)
    plane.delete(APP, "v1")
    client.advance(seconds=1)
    assert collect(client)["layers"] == len(windows.blobs)


def test_a_pushed_foreign_layer_can_be_downloaded(client, plane, windows):
    base = windows.layers[0]
    push(plane, APP, windows, "v1")
    url = client.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=base.digest)["downloadUrl"]
    assert client.http.get(url).data == base.raw


def test_a_pushed_foreign_layer_is_replicated(client, plane, windows):
    destination = {"region": THERE[1], "registryId": THERE[0]}
    client.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
    push(plane, APP, windows, "v1")
    client.advance(minutes=1)
    there = client_of(client.emulator, "ecr", account=THERE[0], region=THERE[1])
    layers = there.batch_check_layer_availability(
        repositoryName=APP, layerDigests=[blob.digest for blob in windows.blobs]
    )["layers"]
    assert {each["layerAvailability"] for each in layers} == {"AVAILABLE"}
    assert pulled(client, windows.layers[0].digest, f"{THERE[0]}/{THERE[1]}/{APP}") == windows.layers[0].raw


@pytest.mark.parametrize("media_type", [DOCKER_FOREIGN, OCI_FOREIGN])
def test_a_foreign_layer_need_not_be_pushed(client, plane, media_type):
    base = layer("base", 3_000, media_type)
    windows = image("windows", base, layer("own"))
    for blob in (windows.config, windows.layers[1]):
        plane.push_blob(APP, blob.raw)
    plane.push_manifest(APP, windows, "v1")
    assert client.tags(APP) == {"v1": windows.digest}
    assert client.call("GET", f"/v2/{APP}/blobs/{base.digest}").status_code == 404
    with pytest.raises(client.ecr.exceptions.LayersNotFoundException):
        client.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=base.digest)
    plane.push_blob(APP, base.raw)
    client.advance(hours=49)
    assert pulled(client, base.digest) == base.raw


@pytest.mark.parametrize(
    "members",
    [{"urls": ["https://example.com/layer"]}, {"mediaType": NOT_FOREIGN}, {"mediaType": f"{OCI_LAYER}+foreign"}],
)
def test_any_other_layer_must_be_pushed(client, plane, members):
    one = layer("one")
    app = an_image(layers=[one.descriptor | members])
    plane.push_blob(APP, app.config.raw)
    with pytest.raises(Refused, match=one.digest):
        plane.push_manifest(APP, app, "v1")
