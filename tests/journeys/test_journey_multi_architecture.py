"""Images for more than one architecture: pushed whole, put together in the registry, pulled in part."""

import json

import pytest

from tests.support.clients import (
    Buildah,
    Containerd,
    Crane,
    Docker,
    Oras,
    Podman,
    Regctl,
    Skopeo,
    logged_in,
)
from tests.support.layouts import Layout, multi_architecture_image, single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"
ARCHITECTURES = ("amd64", "arm64")
ALL = {Skopeo: ["--all"]}
"""Arguments that make clients pull all architectures."""


@pytest.mark.parametrize("kind", [Skopeo, Crane, Regctl, Oras], ids=lambda kind: kind.name)
def test_all_architectures_are_pushed_and_pulled_byte_for_byte(emulator, aws, repository, kind, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed=kind.name)
    with logged_in(kind, emulator) as client:
        client.push(image, f"{repository}:v1", *ALL.get(kind, []))
        assert {each["imageDigest"]: each.get("imageTags") for each in aws.images(NAME)} == {
            image.top(): ["v1"],
            image.child("amd64"): None,
            image.child("arm64"): None,
        }
        pulled = Layout(tmp_path / "pulled")
        client.pull_into(pulled, f"{repository}:v1", *ALL.get(kind, []))
        assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())


@pytest.mark.parametrize("kind", [Docker, Containerd, Podman, Buildah, Crane, Regctl, Oras], ids=lambda kind: kind.name)
def test_a_client_pulls_the_architecture_that_it_asks_for(emulator, repository, kind, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed=1)
    with logged_in(Skopeo, emulator) as skopeo:
        skopeo.push(image, f"{repository}:v1", "--all")
    with logged_in(kind, emulator) as client:
        for architecture in ARCHITECTURES:
            child = image.child(architecture)
            pulled = client.pull(f"{repository}:v1", f"--platform=linux/{architecture}")
            assert pulled.diff_ids == image.diff_ids(child)
            assert pulled.digest in (image.top(), child), "some remember the index, some the image in it"


def test_docker_pushes_images_one_by_one_and_puts_a_list_of_them_together(emulator, aws, repository, tmp_path):
    images = {each: single_image(tmp_path / each, seed=each, architecture=each) for each in ARCHITECTURES}
    with logged_in(Docker, emulator) as docker:
        for architecture, image in images.items():
            docker.push(image, f"{repository}:{architecture}")
        parts = {each["imageTags"][0]: each["imageDigest"] for each in aws.images(NAME)}
        names = [f"{repository}:{architecture}" for architecture in ARCHITECTURES]
        docker.run("manifest", "create", "--insecure", f"{repository}:v1", *names)
        docker.run("manifest", "annotate", "--variant=v8", f"{repository}:v1", f"{repository}:arm64")
        digest = docker.run("manifest", "push", "--insecure", f"{repository}:v1").strip()
        seen = json.loads(docker.run("manifest", "inspect", "--insecure", f"{repository}:v1"))
        assert {each["platform"]["architecture"]: each["digest"] for each in seen["manifests"]} == parts
        for platform, image in {"amd64": images["amd64"], "arm64/v8": images["arm64"]}.items():
            assert docker.pull(f"{repository}:v1", f"--platform=linux/{platform}") == (digest, image.diff_ids())
    expect_list(aws, emulator, repository, digest, parts, tmp_path)


def test_podman_puts_a_list_together_and_pushes_it_whole(emulator, aws, repository, tmp_path):
    images = {each: single_image(tmp_path / each, seed=each, architecture=each) for each in ARCHITECTURES}
    with logged_in(Crane, emulator) as crane:
        for architecture, image in images.items():
            crane.push(image, f"{repository}:{architecture}")
    with logged_in(Podman, emulator) as podman:
        podman.run("manifest", "create", "both")
        for architecture in images:
            podman.add_to_list("both", f"{repository}:{architecture}")
        podman.push_list("both", f"{repository}:v1")
    (digest,) = [each["imageDigest"] for each in aws.images(NAME) if each.get("imageTags") == ["v1"]]
    parts = {architecture: image.top() for architecture, image in images.items()}
    whole = expect_list(aws, emulator, repository, digest, parts, tmp_path)
    assert whole.blobs() == {digest}.union(*(image.blobs() for image in images.values()))


def expect_list(aws, emulator, repository, digest, parts, folder):
    """Check that the tag v1 is an index of these unchanged images; return the index with all its blobs."""
    described = {each["imageDigest"]: each.get("imageTags") for each in aws.images(NAME)}
    assert described == {digest: ["v1"]} | {part: [architecture] for architecture, part in parts.items()}
    with logged_in(Crane, emulator) as crane:
        whole = Layout(folder / "whole")
        crane.pull_into(whole, f"{repository}:v1")
    assert whole.top() == digest
    assert {architecture: whole.child(architecture) for architecture in parts} == parts
    return whole
