"""BuildKit builds on an image in the registry, and keeps images, attestations and its cache there."""

import json

import pytest

from tests.support.clients import BuildKit, CommandFailed, Crane, logged_in
from tests.support.layouts import Layout, multi_architecture_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"
ARCHITECTURES = ("amd64", "arm64")


@pytest.fixture
def base(emulator, repository, tmp_path):
    image = multi_architecture_image(tmp_path / "base", seed="base")
    with logged_in(Crane, emulator) as crane:
        crane.push(image, f"{repository}:base")
    return image


def test_an_image_for_two_architectures_is_built_on_one_in_the_registry(emulator, aws, repository, base, tmp_path):
    dockerfile = f"FROM {repository}:base\nCOPY greeting /\n"
    options = ["--opt=platform=linux/amd64,linux/arm64", "--opt=attest:provenance=mode=max"]
    with logged_in(BuildKit, emulator) as buildkit:
        digest = buildkit.build(dockerfile, f"{repository}:v1", *options, greeting="hello")
    built = Layout(tmp_path / "built")
    with logged_in(Crane, emulator) as crane:
        crane.pull_into(built, f"{repository}:v1")
    assert built.top() == digest
    for architecture in ARCHITECTURES:
        *inherited, _ = built.diff_ids(built.child(architecture))
        assert inherited == base.diff_ids(base.child(architecture))
    attestations = [each["digest"] for each in built.manifest()["manifests"] if "annotations" in each]
    described = {each["imageDigest"]: each for each in aws.images(NAME)}
    assert described[digest]["imageTags"] == ["v1"]
    assert [described[each]["subjectManifestDigest"] for each in attestations] == [
        built.child(architecture) for architecture in ARCHITECTURES
    ]


def test_the_cache_of_one_builder_saves_another_the_work(emulator, aws, repository, base):
    dockerfile = f"FROM {repository}:base\nCOPY greeting /\n"
    cache = f"type=registry,ref={repository}:cache"
    export = f"--export-cache={cache},mode=max,image-manifest=true,oci-mediatypes=true"
    with logged_in(BuildKit, emulator) as first:
        first.build(dockerfile, f"{repository}:v1", export, greeting="hello")
    assert "cache" in {tag for each in aws.images(NAME) for tag in each.get("imageTags", [])}
    with logged_in(BuildKit, emulator) as second:
        second.build(dockerfile, f"{repository}:v2", f"--import-cache={cache}", greeting="hello")
        second.build(dockerfile, f"{repository}:v3", "--no-cache", greeting="hello")
    with logged_in(Crane, emulator) as crane:
        v1, v2, v3 = (json.loads(crane.run("manifest", f"{repository}:{tag}"))["layers"] for tag in ("v1", "v2", "v3"))
    assert v1 == v2
    assert v1 != v3, "what is copied anew bears the time at which its source was written"


def test_a_cache_that_is_no_image_is_refused_as_ecr_refuses_it(emulator, repository):
    export = f"--export-cache=type=registry,ref={repository}:cache,image-manifest=false"
    with (
        logged_in(BuildKit, emulator) as buildkit,
        pytest.raises(CommandFailed, match="Invalid parameter at 'ImageManifest' failed to satisfy constraint"),
    ):
        buildkit.build("FROM scratch\nCOPY greeting /\n", f"{repository}:v1", export, greeting="hello")
