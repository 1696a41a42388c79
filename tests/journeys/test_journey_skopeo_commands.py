"""The commands of skopeo besides copy: inspect, list-tags, delete, sync."""

import json

import pytest

from tests.support.clients import Skopeo, logged_in
from tests.support.layouts import multi_architecture_image, single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"


@pytest.fixture
def skopeo(emulator, aws):
    with logged_in(Skopeo, emulator) as skopeo:
        yield skopeo


def test_skopeo_inspects_an_image_its_config_and_its_bytes(skopeo, repository, tmp_path):
    image = single_image(tmp_path / "image", seed=1)
    skopeo.push(image, f"{repository}:v1")
    seen = json.loads(skopeo.ask("inspect", f"docker://{repository}:v1"))
    assert seen["Digest"] == image.top()
    assert seen["RepoTags"] == ["v1"]
    assert seen["Layers"] == [layer["digest"] for layer in image.manifest()["layers"]]
    assert skopeo.ask("inspect", "--raw", f"docker://{repository}@{image.top()}").encode() == image.read(image.top())
    config = json.loads(skopeo.ask("inspect", "--config", "--raw", f"docker://{repository}:v1"))
    assert config == json.loads(image.read(image.manifest()["config"]["digest"]))


def test_skopeo_inspects_the_bytes_of_an_index(skopeo, repository, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed=2)
    skopeo.push(image, f"{repository}:v1", "--all")
    assert skopeo.ask("inspect", "--raw", f"docker://{repository}:v1").encode() == image.read(image.top())
    assert json.loads(skopeo.ask("inspect", f"docker://{repository}:v1"))["Digest"] == image.top()


def test_skopeo_lists_every_tag(skopeo, repository, tmp_path):
    image = single_image(tmp_path / "image", seed=3)
    tags = {f"v{number}" for number in range(12)}
    for tag in tags:
        skopeo.push(image, f"{repository}:{tag}")
    listed = json.loads(skopeo.ask("list-tags", f"docker://{repository}"))
    assert listed["Repository"] == repository
    assert set(listed["Tags"]) == tags


def test_skopeo_deletes_the_image_behind_a_tag(skopeo, aws, repository, tmp_path):
    kept, given_up = (single_image(tmp_path / name, seed=name) for name in ("kept", "given-up"))
    skopeo.push(kept, f"{repository}:kept")
    skopeo.push(given_up, f"{repository}:v1")
    skopeo.push(given_up, f"{repository}:v2")
    skopeo.ask("delete", f"docker://{repository}:v1")
    assert [each["imageDigest"] for each in aws.images(NAME)] == [kept.top()]
    assert json.loads(skopeo.ask("list-tags", f"docker://{repository}"))["Tags"] == ["kept"]


def test_skopeo_syncs_a_repository_to_a_folder_and_to_another_repository(skopeo, aws, emulator, repository, tmp_path):
    single = single_image(tmp_path / "single", seed=4)
    index = multi_architecture_image(tmp_path / "index", seed=5)
    skopeo.push(single, f"{repository}:single")
    skopeo.push(index, f"{repository}:index", "--all")
    (tmp_path / "synced").mkdir()
    skopeo.sync(repository, str(tmp_path / "synced"), "--src=docker", "--dest=dir")
    for tag, image in {"single": single, "index": index}.items():
        assert (tmp_path / "synced" / f"app:{tag}" / "manifest.json").read_bytes() == image.read(image.top())

    aws.create_repository("mirror/app")
    skopeo.sync(repository, f"{emulator.host}/mirror", "--src=docker", "--dest=docker", "--preserve-digests")
    assert digests_and_tags(aws, "mirror/app") == digests_and_tags(aws, NAME)


def digests_and_tags(aws, name):
    return {each["imageDigest"]: each.get("imageTags") for each in aws.images(name)}
