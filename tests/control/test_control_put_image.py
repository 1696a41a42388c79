"""PutImage through boto3."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from ecr_emulator.domain.names import digest_of
from tests.support.images import an_image, an_index, put_image, put_manifest, upload_layer, upload_layers
from tests.support.refusals import refusal

REPOSITORY = "team/app"
ACCOUNT = "000000000000"
ABSENT = "sha256:" + "0" * 64
WHERE = f"repository with name '{REPOSITORY}' in the registry with id '{ACCOUNT}'"


@pytest.fixture(autouse=True)
def _repository(ecr):
    ecr.create_repository(repositoryName=REPOSITORY)


def tags(ecr):
    """Return digests by tag."""
    ids = ecr.list_images(repositoryName=REPOSITORY)["imageIds"]
    return {item["imageTag"]: item["imageDigest"] for item in ids if "imageTag" in item}


def test_the_answer_to_a_put_describes_the_stored_image(ecr):
    image = an_image()
    upload_layers(ecr, REPOSITORY, image)
    answer = ecr.put_image(repositoryName=REPOSITORY, imageManifest=image.raw.decode(), imageTag="v1")
    assert answer["image"] == {
        "registryId": ACCOUNT,
        "repositoryName": REPOSITORY,
        "imageId": {"imageDigest": image.digest, "imageTag": "v1"},
        "imageManifest": image.raw.decode(),
        "imageManifestMediaType": OCI_MANIFEST,
    }


def test_the_answer_to_a_put_without_tag_has_no_tag(ecr):
    image = an_image()
    put_image(ecr, REPOSITORY, image)
    assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == [{"imageDigest": image.digest}]


def test_manifests_are_kept_byte_for_byte(ecr):
    image = an_image(annotations={"title": "größer\u2028 <&>"})
    upload_layers(ecr, REPOSITORY, image)
    odd = json.dumps(json.loads(image.raw), indent=3, ensure_ascii=False) + " \n"
    digest = put_manifest(ecr, REPOSITORY, odd.encode(), "v1")
    got = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])["images"]
    assert (digest, [image["imageManifest"] for image in got]) == (digest_of(odd.encode()), [odd])


@pytest.mark.parametrize("tag", ["v1", None])
def test_the_same_image_under_the_same_tag_already_exists(ecr, tag):
    image = an_image()
    put_image(ecr, REPOSITORY, image, tag)
    tagged = {"imageTag": tag} if tag else {}
    refused = refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=image.raw.decode(), **tagged)
    assert refused == (
        "ImageAlreadyExistsException",
        f"Image with digest '{image.digest}' and tag '{tag or 'null'}' already exists in the repository "
        f"with name '{REPOSITORY}' in registry with id '{ACCOUNT}'",
    )


def test_a_second_tag_joins_the_first_and_keeps_the_push_time(ecr, clock):
    image = an_image()
    put_image(ecr, REPOSITORY, image, "v1")
    pushed_at = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"][0]["imagePushedAt"]
    clock.advance(timedelta(hours=5))
    put_manifest(ecr, REPOSITORY, image.raw, "v2")
    [detail] = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert (detail["imageTags"], detail["imagePushedAt"]) == (["v1", "v2"], pushed_at)


def test_a_moved_tag_leaves_the_old_image_untagged(ecr):
    first, second = an_image(1), an_image(2)
    put_image(ecr, REPOSITORY, first, "v1")
    put_image(ecr, REPOSITORY, second, "v1")
    assert sorted(ecr.list_images(repositoryName=REPOSITORY)["imageIds"], key=str) == sorted(
        [{"imageDigest": first.digest}, {"imageDigest": second.digest, "imageTag": "v1"}], key=str
    )


@pytest.mark.parametrize(
    ("mode", "filters", "tag", "moves"),
    [
        ("MUTABLE", [], "v1", True),
        ("IMMUTABLE", [], "v1", False),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "dev-1", True),
        ("IMMUTABLE_WITH_EXCLUSION", ["dev-*"], "v1", False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "v1", False),
        ("MUTABLE_WITH_EXCLUSION", ["v*"], "latest", True),
        ("MUTABLE_WITH_EXCLUSION", ["latest"], "latest-2", True),
    ],
)
def test_the_mutability_mode_decides_whether_a_tag_moves(ecr, mode, filters, tag, moves):
    exclusions = [{"filterType": "WILDCARD", "filter": pattern} for pattern in filters]
    ecr.create_repository(
        repositoryName="modes/app",
        imageTagMutability=mode,
        **({"imageTagMutabilityExclusionFilters": exclusions} if exclusions else {}),
    )
    put_image(ecr, "modes/app", an_image(1), tag)
    upload_layers(ecr, "modes/app", an_image(2))
    request = {"repositoryName": "modes/app", "imageManifest": an_image(2).raw.decode(), "imageTag": tag}
    if moves:
        ecr.put_image(**request)
    else:
        assert refusal(ecr.put_image, **request) == (
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the 'modes/app' repository "
            "and cannot be overwritten because the tag is immutable.",
        )


def test_the_same_image_on_an_immutable_tag_already_exists(ecr):
    ecr.create_repository(repositoryName="locked/app", imageTagMutability="IMMUTABLE")
    put_image(ecr, "locked/app", an_image(), "v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
        put_manifest(ecr, "locked/app", an_image().raw, "v1")


def test_absent_layers_are_all_named(ecr):
    image = an_image()
    request = {"repositoryName": REPOSITORY, "imageManifest": image.raw.decode()}
    assert refusal(ecr.put_image, **request) == (
        "LayersNotFoundException",
        f"Layers with digests '[{image.config.digest}, {image.layers[0].digest}]' required for pushing image "
        f"into {WHERE} do not exist",
    )


def test_layers_of_another_repository_are_absent(ecr):
    ecr.create_repository(repositoryName="other/app")
    put_image(ecr, "other/app", an_image())
    with pytest.raises(ecr.exceptions.LayersNotFoundException):
        put_manifest(ecr, REPOSITORY, an_image().raw)


def test_absent_children_are_named_once(ecr):
    image = an_image()
    request = {"repositoryName": REPOSITORY, "imageManifest": an_index(image, image).raw.decode()}
    assert refusal(ecr.put_image, **request) == (
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{image.digest}]' required for pushing image into {WHERE} do not exist",
    )


def test_foreign_layers_and_absent_subjects_are_accepted(ecr):
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": ABSENT,
        "size": 10,
        "urls": ["https://example.com/layer"],
    }
    subject = {"mediaType": OCI_MANIFEST, "digest": ABSENT, "size": 7}
    image = an_image(layers=[foreign], subject=subject)
    upload_layer(ecr, REPOSITORY, image.config.raw)
    put_manifest(ecr, REPOSITORY, image.raw, "v1")
    [detail] = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    assert detail["subjectManifestDigest"] == ABSENT


@pytest.mark.parametrize(
    "manifest",
    [
        "no json",
        "[]",
        '"text"',
        '{"schemaVersion": 3}',
        '{"schemaVersion": 2, "mediaType": "application/json"}',
        '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.raw.v1+json"}',
        '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json"}',
        '{"schemaVersion": 2, "\ud800": 1}',
    ],
)
def test_ecr_calls_an_invalid_manifest_invalid_json(ecr, manifest):
    assert refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=manifest) == (
        "InvalidParameterException",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    )


def test_the_media_type_may_come_from_the_parameter(ecr):
    image = an_image()
    put_image(ecr, REPOSITORY, image)
    document = {key: value for key, value in json.loads(image.raw).items() if key != "mediaType"}
    answer = ecr.put_image(
        repositoryName=REPOSITORY,
        imageManifest=json.dumps(document),
        imageManifestMediaType=OCI_MANIFEST,
    )
    assert answer["image"]["imageManifestMediaType"] == OCI_MANIFEST


def test_a_manifest_without_any_media_type_is_refused(ecr):
    code, message = refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest='{"schemaVersion": 2}')
    assert code == "InvalidParameterException"
    assert "imageManifestMediaType" in message


def test_contradicting_media_types_are_refused(ecr):
    code, message = refusal(
        ecr.put_image,
        repositoryName=REPOSITORY,
        imageManifest=an_image().raw.decode(),
        imageManifestMediaType=OCI_INDEX,
    )
    assert code == "InvalidParameterException"
    assert "imageManifestMediaType" in message


@pytest.mark.parametrize("digest", [ABSENT, "sha256:00", "md5:" + "0" * 32, "nonsense"])
def test_the_digest_that_the_client_computed_must_be_right(ecr, digest):
    image = an_image()
    upload_layers(ecr, REPOSITORY, image)
    assert refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=image.raw.decode(), imageDigest=digest) == (
        "ImageDigestDoesNotMatchException",
        "The specified image digest does not match the digest that Amazon ECR calculated for the image.",
    )


def test_an_image_may_be_known_by_its_sha512(ecr):
    image = an_image()
    digest = "sha512:" + hashlib.sha512(image.raw).hexdigest()
    upload_layers(ecr, REPOSITORY, image)
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=image.raw.decode(), imageDigest=digest, imageTag="v1")
    assert tags(ecr) == {"v1": digest}


@pytest.mark.parametrize("tag", ["a b", "größe", "a/b"])
def test_a_tag_outside_the_pattern_is_refused(ecr, tag):
    assert refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=an_image().raw.decode(), imageTag=tag) == (
        "InvalidParameterException",
        "Invalid parameter at 'imageTag' failed to satisfy constraint: "
        "'must satisfy regular expression '[a-zA-Z0-9-_.]+''",
    )


def test_a_tag_has_at_most_300_characters(ecr):
    put_image(ecr, REPOSITORY, an_image(), "a" * 300)
    code, message = refusal(
        ecr.put_image, repositoryName=REPOSITORY, imageManifest=an_image().raw.decode(), imageTag="a" * 301
    )
    assert (code, message) == (
        "InvalidParameterException",
        "Invalid parameter at 'imageTag' failed to satisfy constraint: 'must have length less than or equal to 300'",
    )


def test_a_manifest_has_at_most_4_mib(ecr):
    code, message = refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=" " * 4_194_305)
    assert (code, message) == (
        "InvalidParameterException",
        "Invalid parameter at 'imageManifest' failed to satisfy constraint: "
        "'Member must have length less than or equal to 4194304'",
    )


def test_an_image_has_at_most_1000_tags(ecr, services, clock):
    image = an_image()
    put_image(ecr, REPOSITORY, image)
    with services.store.writing() as work:
        repository = work.repositories.get(services.home, REPOSITORY)
        stored = work.images.find(repository, image.digest)
        for number in range(999):
            work.tags.put(repository, f"v{number}", stored, clock.now())
    put_manifest(ecr, REPOSITORY, image.raw, "the-1000th")
    assert refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=image.raw.decode(), imageTag="one-more") == (
        "LimitExceededException",
        f"Adding tag 'one-more' to an image in the repository with name '{REPOSITORY}' in registry with id '{ACCOUNT}' "
        "exceeds the maximum allowed number of tags per image which is '1000'",
    )


def test_the_limit_of_images_does_not_count_moves_of_tags(ecr, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.images.MAX_IMAGES_PER_REPOSITORY", 1)
    put_image(ecr, REPOSITORY, an_image(1), "v1")
    put_manifest(ecr, REPOSITORY, an_image(1).raw, "v2")
    upload_layers(ecr, REPOSITORY, an_image(2))
    assert refusal(ecr.put_image, repositoryName=REPOSITORY, imageManifest=an_image(2).raw.decode()) == (
        "LimitExceededException",
        f"The repository with name '{REPOSITORY}' in registry with id '{ACCOUNT}' "
        "already has the maximum allowed number of images which is '1'",
    )


def test_a_put_needs_a_repository(ecr):
    assert refusal(ecr.put_image, repositoryName="nowhere", imageManifest=an_image().raw.decode()) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nowhere' does not exist in the registry with id '{ACCOUNT}'",
    )
