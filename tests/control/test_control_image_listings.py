"""DescribeImages and ListImages through boto3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_emulator.domain.manifest import OCI_INDEX, OCI_MANIFEST, read_manifest
from ecr_emulator.domain.names import Registry
from ecr_emulator.testing.upstream.images import OCI_CONFIG
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

REPOSITORY = "team/app"
ACCOUNT = "000000000000"
ABSENT = "sha256:" + "0" * 64


@pytest.fixture(autouse=True)
def _repository(ecr):
    ecr.create_repository(repositoryName=REPOSITORY)


def described(ecr, **request):
    return ecr.describe_images(repositoryName=REPOSITORY, **request)["imageDetails"]


def listed(ecr, **request):
    return ecr.list_images(repositoryName=REPOSITORY, **request)["imageIds"]


def put_several(ecr, count, tags_of=lambda number: [f"v{number}"]):
    """Put ``count`` images and return their digests in order."""
    digests = []
    for number in range(count):
        digests.append(put_image(ecr, REPOSITORY, an_image(number)))
        for tag in tags_of(number):
            put_manifest(ecr, REPOSITORY, an_image(number).raw, tag)
    return sorted(digests)


# --- DescribeImages --------------------------------------------------------------------------------------


def test_an_image_is_described_once_with_all_its_tags(ecr, clock):
    image = an_image()
    put_image(ecr, REPOSITORY, image, "v2")
    put_manifest(ecr, REPOSITORY, image.raw, "v1")
    assert described(ecr) == [
        {
            "registryId": ACCOUNT,
            "repositoryName": REPOSITORY,
            "imageDigest": image.digest,
            "imageTags": ["v1", "v2"],
            "imageSizeInBytes": sum(blob.size for blob in image.blobs),
            "imagePushedAt": clock.now(),
            "imageManifestMediaType": OCI_MANIFEST,
            "artifactMediaType": OCI_CONFIG,
            "imageStatus": "ACTIVE",
        }
    ]
    assert described(ecr, imageIds=[{"imageTag": "v1"}, {"imageDigest": image.digest}]) == described(ecr)


def test_members_that_an_image_lacks_are_left_out(ecr):
    put_image(ecr, REPOSITORY, an_image())
    put_manifest(ecr, REPOSITORY, an_index(an_image()).raw)
    [index] = [image for image in described(ecr) if image["imageManifestMediaType"] == OCI_INDEX]
    assert index.keys() == {
        "registryId",
        "repositoryName",
        "imageDigest",
        "imageSizeInBytes",
        "imagePushedAt",
        "imageManifestMediaType",
        "imageStatus",
    }


def test_an_index_is_as_large_as_its_largest_child(ecr):
    small, large = an_image("s"), an_image("a much longer seed makes a larger config")
    for image in (small, large):
        put_image(ecr, REPOSITORY, image)
    put_manifest(ecr, REPOSITORY, an_index(small, large).raw, "v1")
    [index] = described(ecr, imageIds=[{"imageTag": "v1"}])
    assert index["imageSizeInBytes"] == sum(blob.size for blob in large.blobs)


def test_an_artifact_is_described_by_its_type(ecr):
    subject = {"mediaType": OCI_MANIFEST, "digest": ABSENT, "size": 7}
    put_image(ecr, REPOSITORY, an_image(artifactType="application/vnd.example.sbom", subject=subject))
    [artifact] = described(ecr)
    assert artifact["artifactMediaType"] == "application/vnd.example.sbom"
    assert artifact["subjectManifestDigest"] == ABSENT


@pytest.mark.parametrize(
    ("image_id", "digest", "tag"),
    [
        ({"imageTag": "absent"}, "null", "absent"),
        ({"imageDigest": ABSENT}, ABSENT, "null"),
        ({"imageDigest": ABSENT, "imageTag": "v1"}, ABSENT, "v1"),
        ({"imageDigest": an_image(2).digest, "imageTag": "v1"}, an_image(2).digest, "v1"),
    ],
)
def test_the_first_image_that_is_missing_fails_the_call(ecr, image_id, digest, tag):
    put_image(ecr, REPOSITORY, an_image(1), "v1")
    put_image(ecr, REPOSITORY, an_image(2))
    ids = [{"imageTag": "v1"}, image_id, {"imageTag": "another"}]
    assert refusal(ecr.describe_images, repositoryName=REPOSITORY, imageIds=ids) == (
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository "
        f"with name '{REPOSITORY}' in the registry with id '{ACCOUNT}'",
    )


@pytest.mark.parametrize(
    ("image_id", "reason"),
    [
        ({}, "both tag and digest cannot be null"),
        ({"imageDigest": "sha256"}, "image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"),
        ({"imageTag": "a b"}, "image tag should satisfy the regex '[a-zA-Z0-9-_.]+'"),
    ],
)
def test_a_malformed_image_id_is_an_invalid_parameter(ecr, image_id, reason):
    assert refusal(ecr.describe_images, repositoryName=REPOSITORY, imageIds=[image_id]) == (
        "InvalidParameterException",
        f"Invalid request parameters: {reason}",
    )


@pytest.mark.parametrize("paging", [{"maxResults": 10}, {"nextToken": "abc"}])
def test_named_images_are_not_paged(ecr, paging):
    put_image(ecr, REPOSITORY, an_image(), "v1")
    request = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "v1"}], **paging}
    [member] = paging
    assert refusal(ecr.describe_images, **request) == (
        "InvalidParameterException",
        f"Invalid parameter at '{member}' failed to satisfy constraint: '{member} cannot be used with imageIds'",
    )


# --- Filters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag_status", "seeds"), [("TAGGED", [1]), ("UNTAGGED", [2]), ("ANY", [1, 2]), (None, [1, 2])])
def test_images_are_filtered_by_tag_status(ecr, tag_status, seeds):
    put_image(ecr, REPOSITORY, an_image(1), "v1")
    put_image(ecr, REPOSITORY, an_image(2))
    filters = {"filter": {"tagStatus": tag_status}} if tag_status else {}
    digests = sorted(an_image(seed).digest for seed in seeds)
    assert [image["imageDigest"] for image in described(ecr, **filters)] == digests
    assert [image["imageDigest"] for image in listed(ecr, **filters)] == digests


def archive(services, digest):
    """Archive an image directly in the storage."""
    registry = Registry(ACCOUNT, "us-east-1")
    with services.store.writing() as work:
        repository = work.repositories.get(registry, REPOSITORY)
        image = work.images.find(repository, digest)
        raw = work.images.manifest(image).raw
        work.images.remove(repository, image)
        manifest = read_manifest(raw)
        archived = work.images.add(repository, replace(image, status="ARCHIVED"), manifest, raw)
        for tag in image.tags:
            work.tags.put(repository, tag, archived, image.pushed_at)


@pytest.mark.parametrize(
    ("image_status", "seeds"), [("ACTIVE", [1]), ("ARCHIVED", [2]), ("ACTIVATING", []), ("ANY", [1, 2]), (None, [1])]
)
def test_archived_images_show_only_when_asked_for(ecr, services, image_status, seeds):
    put_image(ecr, REPOSITORY, an_image(1), "v1")
    archive(services, put_image(ecr, REPOSITORY, an_image(2), "v2"))
    filters = {"filter": {"imageStatus": image_status}} if image_status else {}
    digests = sorted(an_image(seed).digest for seed in seeds)
    assert [image["imageDigest"] for image in described(ecr, **filters)] == digests
    assert [image["imageDigest"] for image in listed(ecr, **filters)] == digests


def test_a_named_image_shows_in_any_status_unless_filtered(ecr, services):
    archive(services, put_image(ecr, REPOSITORY, an_image(), "v1"))
    ids = [{"imageTag": "v1"}]
    assert [image["imageStatus"] for image in described(ecr, imageIds=ids)] == ["ARCHIVED"]
    assert described(ecr, imageIds=ids, filter={"imageStatus": "ACTIVE"}) == []


def test_an_archived_image_cannot_be_pulled(ecr, services):
    archive(services, put_image(ecr, REPOSITORY, an_image(), "v1"))
    answer = ecr.batch_get_image(repositoryName=REPOSITORY, imageIds=[{"imageTag": "v1"}])
    assert answer["images"] == []
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageInaccessible"]


@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_an_unknown_status_is_refused(ecr, operation):
    request = {"repositoryName": REPOSITORY, "filter": {"tagStatus": "SOMETIMES"}}
    code, message = refusal(getattr(ecr, operation), **request)
    assert code == "InvalidParameterException"
    assert "Member must satisfy enum value set: [" in message


# --- Pages -----------------------------------------------------------------------------------------------


def pages(ecr, operation, members, **request):
    paginator = ecr.get_paginator(operation)
    page_size = request.pop("page_size")
    paging = {"PageSize": page_size}
    return [page[members] for page in paginator.paginate(repositoryName=REPOSITORY, PaginationConfig=paging, **request)]


def test_images_are_described_page_by_page_in_order_of_digest(ecr):
    digests = put_several(ecr, 5)
    found = pages(ecr, "describe_images", "imageDetails", page_size=2)
    assert [len(page) for page in found] == [2, 2, 1]
    assert [image["imageDigest"] for page in found for image in page] == digests


def test_a_full_last_page_has_no_token(ecr):
    put_several(ecr, 4)
    assert len(pages(ecr, "describe_images", "imageDetails", page_size=2)) == 2
    assert len(pages(ecr, "list_images", "imageIds", page_size=2)) == 2


def test_filtered_pages_are_full_pages(ecr):
    put_several(ecr, 6, lambda number: ["v" + str(number)] if number % 2 else [])
    found = pages(ecr, "describe_images", "imageDetails", page_size=2, filter={"tagStatus": "UNTAGGED"})
    assert [len(page) for page in found] == [2, 1]


def test_a_list_page_counts_entries_and_may_end_between_two_tags(ecr):
    put_several(ecr, 3, lambda number: [f"b{number}", f"a{number}"] if number else [])
    whole = listed(ecr)
    assert whole == sorted(whole, key=lambda image_id: (image_id["imageDigest"], image_id.get("imageTag", "")))
    for page_size in range(1, 7):
        found = pages(ecr, "list_images", "imageIds", page_size=page_size)
        assert [image_id for page in found for image_id in page] == whole
        assert all(len(page) == page_size for page in found[:-1])


def test_a_list_continues_where_it_stopped_while_images_change(ecr):
    digests = put_several(ecr, 4)
    first = ecr.list_images(repositoryName=REPOSITORY, maxResults=2)
    ecr.batch_delete_image(
        repositoryName=REPOSITORY, imageIds=[{"imageDigest": digests[0]}, {"imageDigest": digests[1]}]
    )
    rest = ecr.list_images(repositoryName=REPOSITORY, maxResults=2, nextToken=first["nextToken"])
    assert [image_id["imageDigest"] for image_id in rest["imageIds"]] == digests[2:]


@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_a_page_has_100_entries_unless_asked_for_fewer(ecr, operation):
    image = an_image()
    put_image(ecr, REPOSITORY, image)
    for number in range(101):
        put_manifest(ecr, REPOSITORY, image.raw, f"v{number:03}")
    answer = getattr(ecr, operation)(repositoryName=REPOSITORY)
    if operation == "list_images":
        assert (len(answer["imageIds"]), "nextToken" in answer) == (100, True)
    else:
        assert (len(answer["imageDetails"]), "nextToken" in answer) == (1, False)


@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_a_token_of_another_query_is_refused(ecr, operation):
    put_several(ecr, 3)
    token = getattr(ecr, operation)(repositoryName=REPOSITORY, maxResults=1)["nextToken"]
    ecr.create_repository(repositoryName="other/app")
    for request in (
        {"repositoryName": "other/app", "nextToken": token},
        {"repositoryName": REPOSITORY, "nextToken": "garbage"},
        {"repositoryName": REPOSITORY, "nextToken": token, "filter": {"tagStatus": "TAGGED"}},
    ):
        assert refusal(getattr(ecr, operation), **request)[0] == "InvalidParameterException"


@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_a_page_has_at_most_1000_entries(ecr, operation):
    assert refusal(getattr(ecr, operation), repositoryName=REPOSITORY, maxResults=1_001) == (
        "InvalidParameterException",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: "
        "'Member must have value less than or equal to 1000'",
    )


@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
@pytest.mark.parametrize("registry_id", [ACCOUNT, "111122223333"])
def test_listing_needs_a_repository(ecr, operation, registry_id):
    request = {"registryId": registry_id, "repositoryName": "nowhere"}
    assert refusal(getattr(ecr, operation), **request) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nowhere' does not exist in the registry with id '{registry_id}'",
    )
