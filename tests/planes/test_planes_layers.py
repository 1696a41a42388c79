"""Layers that are pushed through one plane and pulled through the other."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from ecr_emulator.domain.names import digest_of
from tests.support.images import an_image
from tests.support.planes import push

APP = "team/app"


@pytest.fixture(autouse=True)
def _app(client):
    client.ecr.create_repository(repositoryName=APP)


def test_a_layer_is_available_to_both_planes(client, plane):
    digest = digest_of(b"bytes")
    plane.push_blob(APP, b"bytes")
    [layer] = client.ecr.batch_check_layer_availability(repositoryName=APP, layerDigests=[digest])["layers"]
    assert (layer["layerAvailability"], layer["layerSize"]) == ("AVAILABLE", 5)
    assert client.call("GET", f"/v2/{APP}/blobs/{digest}").data == b"bytes"


def test_layers_of_one_plane_serve_the_manifest_of_the_other(client, plane, other_plane):
    image = an_image()
    for blob in image.blobs:
        plane.push_blob(APP, blob.raw)
    other_plane.push_manifest(APP, image, "v1")
    assert client.tags(APP) == {"v1": image.digest}


def download_url(client, image):
    answer = client.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=image.layers[0].digest)
    url = urlsplit(answer["downloadUrl"])
    return f"{url.path}?{url.query}"


def test_a_download_url_gives_the_layer_to_anybody(client, plane):
    image = an_image()
    push(plane, APP, image, "v1")
    answer = client.http.get(download_url(client, image))
    assert (answer.status_code, answer.data) == (200, image.layers[0].raw)


def test_a_download_url_serves_ranges(client, plane):
    image = an_image()
    push(plane, APP, image, "v1")
    answer = client.http.get(download_url(client, image), headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.data) == (206, image.layers[0].raw[10:20])


def test_a_download_url_expires_after_an_hour(client, plane):
    image = an_image()
    push(plane, APP, image, "v1")
    url = download_url(client, image)
    client.advance(minutes=59)
    assert client.http.get(url).status_code == 200
    client.advance(minutes=2)
    assert client.http.get(url).status_code == 403


def test_a_download_url_is_valid_for_its_layer_only(client, plane):
    image = an_image()
    push(plane, APP, image, "v1")
    url = download_url(client, image)
    assert client.http.get(url.replace(image.layers[0].digest, image.config.digest)).status_code == 403
    assert client.http.get(url.partition("?")[0]).status_code == 403
