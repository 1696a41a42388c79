"""PutImage, BatchGetImage and BatchDeleteImage through boto3."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from ecr_emulator.domain.names import digest_of
from tests.support.images import an_image, an_index, put_image, put_manifest, upload_layer, upload_layers

REPOSITORY = "team/app"
ACCOUNT = "000000000000"
ABSENT = "sha256:" + "0" * 64
WHERE = f"repository with name '{REPOSITORY}' in the registry with id '{ACCOUNT}'"


@pytest.fixture(autouse=True)
def _repository(ecr):
    ecr.create_repository(repositoryName=REPOSITORY)


def refusal(call, **request):
    """The code and message with which a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def tags(ecr):
    """Where the tags of the repository point."""
    ids = ecr.list_images(repositoryName=REPOSITORY)["imageIds"]
    return {item["imageTag"]: item["imageDigest"] for item in ids if "imageTag" in item}


# --- PutImage --------------------------------------------------------------------------------------------


def test_a_put_image_is_answered_with_what_was_stored(ecr):
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


def test_a_put_without_tag_answers_without_tag(ecr):
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


def test_layers_of_another_repository_do_not_count(ecr):
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


def test_foreign_layers_and_absent_subjects_are_no_obstacle(ecr):
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
def test_what_is_no_manifest_is_invalid_json_to_ecr(ecr, manifest):
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
        "'must satisfy regular expression '[a-zA-Z0-9-_.]+'",
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


def test_an_image_has_at_most_1000_tags(ecr):
    put_image(ecr, REPOSITORY, an_image())
    for number in range(1_000):
        put_manifest(ecr, REPOSITORY, an_image().raw, f"v{number}")
    with pytest.raises(ecr.exceptions.LimitExceededException):
        put_manifest(ecr, REPOSITORY, an_image().raw, "one-more")


def test_a_put_needs_a_repository(ecr):
    assert refusal(ecr.put_image, repositoryName="nowhere", imageManifest=an_image().raw.decode()) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nowhere' does not exist in the registry with id '{ACCOUNT}'",
    )


# --- BatchGetImage ---------------------------------------------------------------------------------------


def test_an_image_is_got_by_tag_by_digest_or_by_both(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    for image_id in ({"imageTag": "v1"}, {"imageDigest": digest}, {"imageDigest": digest, "imageTag": "v1"}):
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[image_id])
        assert answer["failures"] == []
        assert [image["imageId"] for image in answer["images"]] == [{"imageDigest": digest, "imageTag": "v1"}]


def test_by_digest_there_is_one_entry_for_each_tag(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v2")
    put_manifest(ecr, REPOSITORY, an_image().raw, "v1")
    images = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"]
    assert [image["imageId"]["imageTag"] for image in images] == ["v1", "v2"]


def test_an_untagged_image_has_one_entry_without_tag(ecr):
    digest = put_image(ecr, REPOSITORY, an_image())
    images = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"]
    assert [image["imageId"] for image in images] == [{"imageDigest": digest}]


def test_no_image_is_got_twice(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    ids = [{"imageTag": "v1"}, {"imageTag": "v1"}, {"imageDigest": digest}]
    assert len(ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=ids)["images"]) == 1


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
@pytest.mark.parametrize(
    ("image_id", "code", "reason"),
    [
        ({"imageTag": "absent"}, "ImageNotFound", "Requested image not found"),
        ({"imageDigest": ABSENT}, "ImageNotFound", "Requested image not found"),
        ({"imageDigest": "sha256:00"}, "ImageNotFound", "Requested image not found"),
        ({"imageDigest": ABSENT, "imageTag": "v1"}, "ImageNotFound", "Requested image not found"),
        ({"imageDigest": an_image().digest, "imageTag": "absent"}, "ImageNotFound", "Requested image not found"),
        ({}, "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"),
        (
            {"imageDigest": "sha256"},
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ),
        (
            {"imageTag": "a b"},
            "InvalidImageTag",
            "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
        ),
        (
            {"imageDigest": an_image(2).digest, "imageTag": "v1"},
            "ImageTagDoesNotMatchDigest",
            "Invalid request parameters: given tag does not map to the given digest",
        ),
    ],
)
def test_an_image_that_cannot_be_served_is_a_failure(ecr, operation, image_id, code, reason):
    put_image(ecr, REPOSITORY, an_image(), "v1")
    put_image(ecr, REPOSITORY, an_image(2))
    answer = getattr(ecr, operation)(repositoryName=REPOSITORY, imageIds=[image_id])
    assert answer.get("images", []) == answer.get("imageIds", []) == []
    assert answer["failures"] == [{"imageId": image_id, "failureCode": code, "failureReason": reason}]


def test_found_and_missing_images_share_an_answer(ecr):
    put_image(ecr, REPOSITORY, an_image(), "v1")
    answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v2"}, {"imageTag": "v1"}])
    assert (len(answer["images"]), len(answer["failures"])) == (1, 1)


@pytest.mark.parametrize(
    ("accepted", "found"),
    [([OCI_MANIFEST], True), ([OCI_INDEX, OCI_MANIFEST], True), ([OCI_INDEX], False)],
)
def test_an_image_of_a_type_that_is_not_accepted_is_not_found(ecr, accepted, found):
    put_image(ecr, REPOSITORY, an_image(), "v1")
    answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=accepted)
    assert len(answer["images"]) == int(found)
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"] * (not found)


def test_getting_an_image_records_the_pull(ecr, clock):
    put_image(ecr, REPOSITORY, an_image(), "v1")
    assert "lastRecordedPullTime" not in ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"][0]
    ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"][0]["lastRecordedPullTime"] == clock.now()


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
def test_batch_calls_need_a_repository(ecr, operation):
    request = {"repositoryName": "nowhere", "imageIds": [{}]}
    assert refusal(getattr(ecr, operation), **request) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nowhere' does not exist in the registry with id '{ACCOUNT}'",
    )


@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image", "describe_images"])
def test_a_batch_has_at_most_100_ids(ecr, operation):
    ids = [{"imageTag": f"v{number}"} for number in range(101)]
    code, message = refusal(getattr(ecr, operation), repositoryName=REPOSITORY, imageIds=ids)
    assert (code, message) == (
        "InvalidParameterException",
        "Invalid parameter at 'imageIds' failed to satisfy constraint: "
        "'Member must have length less than or equal to 100'",
    )


# --- BatchDeleteImage ------------------------------------------------------------------------------------


def deleted(ecr, *image_ids):
    answer = ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=list(image_ids))
    assert answer["failures"] == []
    return answer["imageIds"]


def test_deleting_a_tag_keeps_the_image_for_its_other_tags(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    put_manifest(ecr, REPOSITORY, an_image().raw, "v2")
    assert deleted(ecr, {"imageTag": "v1"}) == [{"imageDigest": digest, "imageTag": "v1"}]
    assert tags(ecr) == {"v2": digest}


def test_deleting_the_last_tag_deletes_the_image(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    assert deleted(ecr, {"imageTag": "v1"}) == [{"imageDigest": digest, "imageTag": "v1"}]
    assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == []


def test_deleting_a_digest_deletes_all_its_tags(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    put_manifest(ecr, REPOSITORY, an_image().raw, "v2")
    assert deleted(ecr, {"imageDigest": digest}) == [
        {"imageDigest": digest, "imageTag": "v1"},
        {"imageDigest": digest, "imageTag": "v2"},
    ]
    assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == []


def test_deleting_an_untagged_digest_answers_the_digest(ecr):
    digest = put_image(ecr, REPOSITORY, an_image())
    assert deleted(ecr, {"imageDigest": digest}) == [{"imageDigest": digest}]


def test_deleting_by_tag_and_digest_removes_only_that_tag(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    put_manifest(ecr, REPOSITORY, an_image().raw, "v2")
    deleted(ecr, {"imageDigest": digest, "imageTag": "v1"})
    assert tags(ecr) == {"v2": digest}


def test_an_image_named_twice_is_deleted_once(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    assert deleted(ecr, {"imageDigest": digest}, {"imageTag": "v1"}, {"imageDigest": digest}) == [
        {"imageDigest": digest, "imageTag": "v1"}
    ]


def test_immutable_tags_can_be_deleted(ecr):
    ecr.create_repository(repositoryName="locked/app", imageTagMutability="IMMUTABLE")
    put_image(ecr, "locked/app", an_image(), "v1")
    ecr.batch_delete_image(repositoryName="locked/app", imageIds=[{"imageTag": "v1"}])
    assert ecr.list_images(repositoryName="locked/app")["imageIds"] == []


def test_a_child_cannot_go_while_its_index_stays(ecr):
    child = put_image(ecr, REPOSITORY, an_image())
    index = put_manifest(ecr, REPOSITORY, an_index(an_image()).raw, "v1")
    answer = ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": child}])
    assert answer["imageIds"] == []
    assert answer["failures"] == [
        {
            "imageId": {"imageDigest": child},
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{index}]",
        }
    ]


def test_nested_indexes_go_from_the_outside_in(ecr):
    child = put_image(ecr, REPOSITORY, an_image())
    inner = an_index(an_image())
    put_manifest(ecr, REPOSITORY, inner.raw)
    outer = put_manifest(ecr, REPOSITORY, an_index(inner).raw)
    ids = deleted(ecr, {"imageDigest": child}, {"imageDigest": inner.digest}, {"imageDigest": outer})
    assert [image_id["imageDigest"] for image_id in ids] == [outer, inner.digest, child]


def test_referrers_stay_when_their_subject_goes(ecr):
    subject = put_image(ecr, REPOSITORY, an_image(), "v1")
    reference = {"mediaType": OCI_MANIFEST, "digest": subject, "size": len(an_image().raw)}
    signature = put_image(ecr, REPOSITORY, an_image("signature", subject=reference))
    deleted(ecr, {"imageTag": "v1"})
    assert ecr.list_images(repositoryName=REPOSITORY)["imageIds"] == [{"imageDigest": signature}]


# --- Other accounts --------------------------------------------------------------------------------------


def test_a_registry_id_addresses_another_account(ecr, ecr_of):
    there = ecr_of("111122223333")
    there.create_repository(repositoryName=REPOSITORY)
    digest = put_image(there, REPOSITORY, an_image(), "v1")
    answer = ecr.batch_get_image(registryId="111122223333", repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert [image["registryId"] for image in answer["images"]] == ["111122223333"]
    removed = ecr.batch_delete_image(
        registryId="111122223333", repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}]
    )
    assert removed["imageIds"] == [{"imageDigest": digest, "imageTag": "v1"}]


def test_an_error_names_the_registry_that_was_addressed(ecr):
    code, message = refusal(ecr.list_images, registryId="111122223333", repositoryName=REPOSITORY)
    assert (code, message) == (
        "RepositoryNotFoundException",
        f"The repository with name '{REPOSITORY}' does not exist in the registry with id '111122223333'",
    )
