"""The same tests of images through PutImage and through the registry: both planes have the same results."""

from __future__ import annotations

from contextlib import suppress

import pytest

from ecr_emulator.domain.manifest import OCI_MANIFEST
from tests.support.images import an_image, an_index
from tests.support.planes import Refused, push

APP = "team/app"
ABSENT = "sha256:" + "0" * 64


@pytest.fixture
def app(client):
    client.ecr.create_repository(repositoryName=APP)
    return APP


def test_both_planes_serve_an_image_that_either_stored(client, app, plane):
    image = an_image()
    push(plane, app, image, "v1")
    [got] = client.ecr.batch_get_image(repositoryName=app, imageIds=[{"imageTag": "v1"}])["images"]
    answer = client.call("GET", f"/v2/{app}/manifests/v1")
    assert got["imageManifest"].encode() == answer.data == image.raw
    assert got["imageManifestMediaType"] == answer.headers["Content-Type"] == OCI_MANIFEST
    assert client.tags(app) == {"v1": image.digest}


def test_an_image_has_the_same_description_after_a_push_through_either_plane(client, app, plane):
    image = an_image(annotations={"a": "b"}, artifactType="application/vnd.example")
    push(plane, app, image, "v1")
    [detail] = client.ecr.describe_images(repositoryName=app)["imageDetails"]
    assert detail == {
        "registryId": "000000000000",
        "repositoryName": app,
        "imageDigest": image.digest,
        "imageTags": ["v1"],
        "imageSizeInBytes": sum(blob.size for blob in image.blobs),
        "imagePushedAt": client.emulator.clock.now(),
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": "application/vnd.example",
        "imageStatus": "ACTIVE",
    }


def test_an_immutable_tag_stays_where_it_is(client, plane, other_plane):
    client.ecr.create_repository(repositoryName=APP, imageTagMutability="IMMUTABLE")
    first, second = an_image(1), an_image(2)
    push(plane, APP, first, "v1")

    with pytest.raises(Refused) as refused:
        push(other_plane, APP, second, "v1")

    assert str(refused.value) == (
        "The image tag 'v1' already exists in the 'team/app' repository "
        "and cannot be overwritten because the tag is immutable."
    )
    assert client.tags(APP) == {"v1": first.digest}
    assert client.digests(APP) == {first.digest}


def test_a_tag_beyond_the_limit_is_named_in_the_error(client, app, plane, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.images.MAX_TAGS_PER_IMAGE", 2)
    for tag in ("v1", "v2"):
        push(plane, app, an_image(), tag)

    with pytest.raises(Refused) as refused:
        push(plane, app, an_image(), "v3")

    assert str(refused.value) == (
        "Adding tag 'v3' to an image in the repository with name 'team/app' in registry with id '000000000000' "
        "exceeds the maximum allowed number of tags per image which is '2'"
    )
    assert client.tags(app) == dict.fromkeys(("v1", "v2"), an_image().digest)


def test_a_push_creates_no_repository_beyond_the_limit(client, app, plane, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.repositories.MAX_REPOSITORIES", 1)
    client.ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["CREATE_ON_PUSH"])

    with pytest.raises(Refused) as refused:
        plane.push_manifest("team/new", an_index())

    assert str(refused.value) == (
        "The registry with id '000000000000' already has the maximum allowed number of repositories which is '1'"
    )
    assert [each["repositoryName"] for each in client.ecr.describe_repositories()["repositories"]] == [app]


def test_an_image_beyond_the_limit_is_refused_with_the_limit(client, app, plane, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.images.MAX_IMAGES_PER_REPOSITORY", 1)
    push(plane, app, an_image(1), "v1")

    with pytest.raises(Refused) as refused:
        push(plane, app, an_image(2), "v2")

    assert str(refused.value) == (
        "The repository with name 'team/app' in registry with id '000000000000' "
        "already has the maximum allowed number of images which is '1'"
    )
    assert client.tags(app) == {"v1": an_image(1).digest}


@pytest.mark.parametrize(
    ("mode", "pattern", "tag", "moves"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", "dev*", "dev-1", True),
        ("IMMUTABLE_WITH_EXCLUSION", "dev*", "v1", False),
        ("MUTABLE_WITH_EXCLUSION", "v*", "v1", False),
        ("MUTABLE_WITH_EXCLUSION", "v*", "dev-1", True),
    ],
)
def test_exclusion_filters_hold_for_both_planes(client, plane, mode, pattern, tag, moves):
    client.ecr.create_repository(
        repositoryName=APP,
        imageTagMutability=mode,
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": pattern}],
    )
    first, second = an_image(1), an_image(2)
    push(plane, APP, first, tag)
    if moves:
        push(plane, APP, second, tag)
    else:
        with pytest.raises(Refused, match="the tag is immutable"):
            push(plane, APP, second, tag)
    assert client.tags(APP) == {tag: second.digest if moves else first.digest}


def test_a_tag_moves_and_leaves_the_old_image_behind(client, app, plane, other_plane):
    first, second = an_image(1), an_image(2)
    push(plane, app, first, "v1")
    push(other_plane, app, second, "v1")
    assert client.tags(app) == {"v1": second.digest}
    assert client.digests(app) == {first.digest, second.digest}


def test_the_same_image_again_changes_nothing(client, app, plane, other_plane):
    image = an_image()
    push(plane, app, image, "v1")
    before = client.ecr.describe_images(repositoryName=app)["imageDetails"]
    client.advance(hours=1)
    with suppress(Refused):  # PutImage reports that the image exists; the registry accepts the push again
        push(other_plane, app, image, "v1")
    assert client.ecr.describe_images(repositoryName=app)["imageDetails"] == before


def test_an_image_needs_its_layers(client, app, plane):
    image = an_image()
    with pytest.raises(Refused) as refused:
        plane.push_manifest(app, image, "v1")
    assert str(refused.value) == (
        f"Layers with digests '[{image.config.digest}, {image.layers[0].digest}]' required for pushing image "
        f"into repository with name '{app}' in the registry with id '000000000000' do not exist"
    )
    assert client.tags(app) == {}


def test_an_index_needs_its_children(client, app, plane):
    child = an_image()
    with pytest.raises(Refused) as refused:
        plane.push_manifest(app, an_index(child), "v1")
    assert str(refused.value) == (
        f"Images with digests '[{child.digest}]' required for pushing image "
        f"into repository with name '{app}' in the registry with id '000000000000' do not exist"
    )
    assert client.tags(app) == {}


def test_an_invalid_manifest_is_refused_in_the_same_words(client, app, plane):
    broken = an_image(config=None)
    with pytest.raises(Refused, match="at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"):
        plane.push_manifest(app, broken, "v1")


def test_deleting_the_last_tag_deletes_the_image(client, app, plane, other_plane):
    push(plane, app, an_image(), "v1")
    other_plane.delete(app, "v1")
    assert client.digests(app) == set()


def test_deleting_one_of_two_tags_keeps_the_image(client, app, plane, other_plane):
    image = an_image()
    push(plane, app, image, "v1")
    plane.push_manifest(app, image, "v2")
    other_plane.delete(app, "v1")
    assert client.tags(app) == {"v2": image.digest}


def test_deleting_a_digest_deletes_every_tag(client, app, plane, other_plane):
    image = an_image()
    push(plane, app, image, "v1")
    plane.push_manifest(app, image, "v2")
    other_plane.delete(app, image.digest)
    assert (client.tags(app), client.digests(app)) == ({}, set())


def test_a_child_cannot_be_deleted_before_its_index(client, app, plane, other_plane):
    child = an_image()
    index = an_index(child)
    push(plane, app, child)
    plane.push_manifest(app, index, "v1")
    with pytest.raises(Refused) as refused:
        other_plane.delete(app, child.digest)
    assert str(refused.value) == f"Requested image referenced by manifest list: [{index.digest}]"
    assert client.digests(app) == {child.digest, index.digest}


def test_an_absent_image_is_refused_in_the_same_words(client, app, plane):
    for reference in ("absent", ABSENT):
        with pytest.raises(Refused) as refused:
            plane.delete(app, reference)
        assert str(refused.value) == "Requested image not found"


def test_every_write_leaves_an_event(client, app, plane):
    image = an_image()
    push(plane, app, image, "v1")
    plane.delete(app, "v1")
    actions = [
        (each["detail"]["action-type"], each["detail"]["image-digest"], each["detail"]["image-tag"])
        for each in client.http.get("/_ecr/events").json["events"]
        if each["detail-type"] == "ECR Image Action"
    ]
    assert actions == [("PUSH", image.digest, "v1"), ("DELETE", image.digest, "v1")]


def test_referrers_are_listed_after_a_push_through_either_plane(client, app, plane):
    subject = an_image()
    push(plane, app, subject, "v1")
    signature = an_image("signature", subject=subject.descriptor, artifactType="application/vnd.example.signature")
    push(plane, app, signature)
    listed = client.call("GET", f"/v2/{app}/referrers/{subject.digest}").json["manifests"]
    assert [each["digest"] for each in listed] == [signature.digest]


def test_a_push_creates_the_repository_from_a_template(client, plane):
    client.ecr.create_repository_creation_template(
        prefix="auto", appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    push(plane, "auto/app", an_image(), "v1")
    [repository] = client.ecr.describe_repositories(repositoryNames=["auto/app"])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"


def test_a_push_without_repository_is_refused_in_the_same_words(client, plane):
    with pytest.raises(Refused) as refused:
        plane.push_manifest("nowhere/app", an_image(), "v1")
    assert str(refused.value) == (
        "The repository with name 'nowhere/app' does not exist in the registry with id '000000000000'"
    )
