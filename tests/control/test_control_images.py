"""BatchGetImage and BatchDeleteImage through boto3."""

from __future__ import annotations

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

REPOSITORY = "team/app"
ACCOUNT = "000000000000"
ABSENT = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def _repository(ecr):
    ecr.create_repository(repositoryName=REPOSITORY)


def tags(ecr):
    """Return digests by tag."""
    ids = ecr.list_images(repositoryName=REPOSITORY)["imageIds"]
    return {item["imageTag"]: item["imageDigest"] for item in ids if "imageTag" in item}


# --- BatchGetImage ---------------------------------------------------------------------------------------


def test_an_image_is_returned_by_tag_by_digest_or_by_both(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v1")
    for image_id in ({"imageTag": "v1"}, {"imageDigest": digest}, {"imageDigest": digest, "imageTag": "v1"}):
        answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[image_id])
        assert answer["failures"] == []
        assert [image["imageId"] for image in answer["images"]] == [{"imageDigest": digest, "imageTag": "v1"}]


def test_an_image_by_digest_has_one_entry_for_each_tag(ecr):
    digest = put_image(ecr, REPOSITORY, an_image(), "v2")
    put_manifest(ecr, REPOSITORY, an_image().raw, "v1")
    images = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"]
    assert [image["imageId"]["imageTag"] for image in images] == ["v1", "v2"]


def test_an_untagged_image_has_one_entry_without_tag(ecr):
    digest = put_image(ecr, REPOSITORY, an_image())
    images = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])["images"]
    assert [image["imageId"] for image in images] == [{"imageDigest": digest}]


def test_an_image_is_returned_once(ecr):
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


def test_a_child_cannot_be_deleted_while_its_index_exists(ecr):
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


def test_nested_indexes_are_deleted_from_the_outermost_on(ecr):
    child = put_image(ecr, REPOSITORY, an_image())
    inner = an_index(an_image())
    put_manifest(ecr, REPOSITORY, inner.raw)
    outer = put_manifest(ecr, REPOSITORY, an_index(inner).raw)
    ids = deleted(ecr, {"imageDigest": child}, {"imageDigest": inner.digest}, {"imageDigest": outer})
    assert [image_id["imageDigest"] for image_id in ids] == [outer, inner.digest, child]


def test_referrers_stay_when_their_subject_is_deleted(ecr):
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
