"""containerd pulls an image under its name at AWS; its hosts.toml leads to the emulator."""

import pytest

from tests.support.clients import Aws, Containerd, Crane, logged_in
from tests.support.layouts import multi_architecture_image, single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
OTHER_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
NAME = "team/app"


def test_an_image_is_pulled_under_its_real_name_by_tag_by_digest_and_by_platform(emulator, repository, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed=1)
    with logged_in(Crane, emulator) as crane:
        crane.push(image, f"{repository}:v1")
    with logged_in(Containerd, emulator) as containerd:
        containerd.mirror(REGISTRY, emulator.url)
        for reference in (":v1", f"@{image.top()}"):
            for architecture in ("amd64", "arm64"):
                pulled = containerd.pull(f"{REGISTRY}/{NAME}{reference}", f"--platform=linux/{architecture}")
                assert pulled == (image.top(), image.diff_ids(image.child(architecture)))


def test_one_mirror_serves_the_registries_of_all_regions(emulator, tmp_path):
    aws = Aws(emulator)
    images = {}
    for registry in (REGISTRY, OTHER_REGISTRY):
        region = registry.split(".")[3]
        aws.create_repository(NAME, f"--region={region}")
        images[registry] = single_image(tmp_path / region, seed=region)
        with logged_in(Crane, emulator) as crane:
            path_style = f"{emulator.host}/123456789012/{region}/{NAME}:v1"
            crane.push(images[registry], path_style)
    with logged_in(Containerd, emulator) as containerd:
        for registry, image in images.items():
            containerd.mirror(registry, emulator.url)
            assert containerd.pull(f"{registry}/{NAME}:v1") == (image.top(), image.diff_ids())
