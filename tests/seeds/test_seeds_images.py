"""Images from ``ecr_emulator.seeds.images``: what registries and container engines make of them."""

import json
import tarfile

import pytest

from ecr_emulator.domain.manifest import read_manifest
from ecr_emulator.seeds.images import synthetic_image, synthetic_referrer


def test_equal_arguments_make_equal_images_on_every_machine():
    image = synthetic_image("web:1.0")
    assert image.digest == synthetic_image("web:1.0").digest
    assert image.digest == "sha256:5821d47ff03c676b86b6ca3f77b3d925cd9065535ad4d89dab87da23923ef997"
    assert image.digest != synthetic_image("web:1.1").digest


def test_every_layer_is_a_tar_file_that_can_be_unpacked():
    image = synthetic_image("web:1.0", layers=3, size=10_000)
    config, *layers = image.blobs
    diff_ids = json.load(config.open())["rootfs"]["diff_ids"]
    assert diff_ids == [layer.digest for layer in layers]
    for layer in layers:
        with tarfile.open(fileobj=layer.open()) as archive:
            (member,) = archive.getmembers()
            assert len(archive.extractfile(member).read()) == member.size


@pytest.mark.parametrize(("layers", "size"), [(1, 1), (1, 50_000), (3, 1_000_000), (4, 8192)])
def test_layers_have_the_size_that_was_asked_for_up_to_whole_tar_blocks(layers, size):
    _, *found = synthetic_image("web:1.0", layers=layers, size=size).blobs
    assert len(found) == layers
    assert len({layer.digest for layer in found}) == layers
    assert max(size, 2048 * layers) <= sum(layer.size for layer in found) < max(size, 2048 * layers) + 512 * layers


def test_an_image_of_two_platforms_is_an_index_of_two_images_with_layers_of_their_own():
    image = synthetic_image("web:1.0", ["linux/amd64", "linux/arm/v7"])
    amd64, arm, index = image.manifests
    platforms = [child["platform"] for child in json.loads(index.raw)["manifests"]]
    assert platforms == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
    ]
    assert [child.digest for child in read_manifest(index.raw, index.media_type).children] == [amd64.digest, arm.digest]
    assert len({blob.digest for blob in image.blobs}) == 4


def test_a_referrer_names_its_subject():
    image = synthetic_image("web:1.0")
    referrer = synthetic_referrer(image.top, "application/spdx+json")
    document = json.loads(referrer.top.raw)
    assert document["subject"]["digest"] == image.digest
    assert document["artifactType"] == "application/spdx+json"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"platforms": []}, "platforms is a list with at least one platform, like ['linux/amd64'], not []"),
        ({"platforms": "linux/arm64"}, "platforms is a list with at least one platform, .* not 'linux/arm64'"),
        ({"platforms": ["amd64"]}, "a platform is like linux/amd64 or linux/arm/v7, not 'amd64'"),
        ({"layers": 0}, "layers must be a whole number above 0, not 0"),
        ({"size": -1}, "size must be a whole number above 0, not -1"),
        ({"size": 1.5}, "size must be a whole number above 0, not 1.5"),
    ],
)
def test_arguments_that_no_image_can_have_are_refused(wrong, sentence):
    with pytest.raises(ValueError, match=sentence.replace("[", r"\[").replace("]", r"\]")):
        synthetic_image("web:1.0", **wrong)
