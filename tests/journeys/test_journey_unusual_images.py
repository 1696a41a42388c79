"""Unusual images, with every client that supports them: 128 layers, empty, foreign, nested, huge."""

import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.support.boto import client_at
from tests.support.clients import (
    Aws,
    Containerd,
    Crane,
    Docker,
    Oras,
    Podman,
    Regctl,
    Skopeo,
    logged_in,
)
from tests.support.layouts import Layout
from tests.support.processes import serving
from tests.support.unusual_images import (
    empty_layer,
    foreign_layer,
    huge_layer,
    largest_manifest,
    many_layers,
    nested_index,
)

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

COPIED = [
    (make, kind)
    for make in (many_layers, empty_layer, foreign_layer, largest_manifest, nested_index)
    for kind in (Skopeo, Crane, Regctl, Oras)
    if (make, kind) not in ((foreign_layer, Crane), (nested_index, Skopeo))
]
"""crane downloads a foreign layer from its own URL; skopeo does not support indexes in indexes."""
UNPACKED = [
    (partial(many_layers, number=125), Docker),
    (many_layers, Containerd),
    (empty_layer, Docker),
    (empty_layer, Podman),
    (largest_manifest, Docker),
    (largest_manifest, Containerd),
    (largest_manifest, Podman),
]
"""Docker accepts at most 125 layers; containerd accepts no empty layer."""
GIB = 1024**3


def names(value):
    return getattr(getattr(value, "func", value), "__name__", None)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("emulator"), "--port", "0") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def repository(emulator, request):
    """A new repository for each test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    client_at(emulator.url, account="123456789012").create_repository(repositoryName=name)
    return f"{emulator.host}/{name}"


@pytest.mark.parametrize(("make", "kind"), COPIED, ids=names)
def test_an_unusual_image_is_pushed_and_pulled_byte_for_byte(emulator, repository, make, kind, tmp_path):
    image = make(tmp_path / "image")
    with logged_in(kind, emulator) as client:
        client.push(image, f"{repository}:v1")
        pulled = Layout(tmp_path / "pulled")
        client.pull_into(pulled, f"{repository}:v1")
    assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())


def test_crane_pushes_an_image_without_its_foreign_layer(emulator, repository, tmp_path):
    image = foreign_layer(tmp_path / "image")
    with logged_in(Crane, emulator) as crane:
        crane.push(image, f"{repository}:v1")
        assert crane.run("manifest", f"{repository}:v1").encode() == image.read(image.top())


@pytest.mark.parametrize(("make", "kind"), UNPACKED, ids=names)
def test_an_engine_unpacks_an_unusual_image(emulator, repository, make, kind, tmp_path):
    image = make(tmp_path / "image")
    with logged_in(Crane, emulator) as crane:
        crane.push(image, f"{repository}:v1")
    with logged_in(kind, emulator) as client:
        assert client.pull(f"{repository}:v1") == (image.top(), image.diff_ids())


@pytest.fixture
def disposable(tmp_path):
    """Yield a folder that is deleted after the test."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_a_layer_of_more_than_2_gib_is_pushed_and_pulled_in_little_memory(emulator, repository, disposable):
    image, layer = huge_layer(disposable / "image", size=2 * GIB + 1)
    with logged_in(Skopeo, emulator) as skopeo:
        skopeo.push(image, f"{repository}:v1")
    with logged_in(Crane, emulator) as crane:
        pulled = Layout(disposable / "pulled")
        crane.pull_into(pulled, f"{repository}:v1")
    assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())
    assert tail_of_blob(emulator, repository, layer) == tail_of_file(layer)
    assert peak_of_memory(emulator) < GIB // 4


def tail_of_blob(emulator, repository, layer):
    """Return the bytes of a blob from 2 GiB on, as a client that resumes a download requests them."""
    url = f"{emulator.url}/v2/{repository.partition('/')[2]}/blobs/sha256:{layer.name}"
    who = ("AWS", Aws(emulator).password().strip())
    answer = requests.get(url, auth=who, headers={"Range": f"bytes={2 * GIB}-"}, timeout=20)
    size = layer.stat().st_size
    assert answer.headers["Content-Range"] == f"bytes {2 * GIB}-{size - 1}/{size}"
    return answer.content


def tail_of_file(layer):
    with layer.open("rb") as file:
        file.seek(2 * GIB)
        return file.read()


def peak_of_memory(emulator):
    """Return the peak memory of the emulator in bytes."""
    status = Path(f"/proc/{emulator.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
