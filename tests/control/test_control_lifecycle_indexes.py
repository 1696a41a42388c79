"""Lifecycle policies and indexes: children expire or are archived after their index."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

NAME = "team/app"
DAY = timedelta(days=1)
UNUSED = {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30}
ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
EXPIRE = {"type": "expire"}


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName=NAME)


def put(ecr, *rules):
    numbered = [
        {"rulePriority": number, "selection": selection, "action": action}
        for number, (selection, action) in enumerate(rules, start=1)
    ]
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": numbered}))


def statuses(ecr):
    answer = ecr.describe_images(repositoryName=NAME, filter={"imageStatus": "ANY"})
    return {image["imageDigest"]: image["imageStatus"] for image in answer["imageDetails"]}


def move(ecr, digest, storage_class):
    return {
        "repositoryName": NAME,
        "imageId": {"imageDigest": digest},
        "targetStorageClass": storage_class,
    }


def push_index(ecr, *children, tag=None):
    for child in children:
        if hasattr(child, "layers"):
            put_image(ecr, NAME, child)
    index = an_index(*children)
    return index, put_manifest(ecr, NAME, index.raw, tag)


def test_children_are_archived_the_day_after_their_index(ecr, clock):
    amd64, arm64 = an_image("amd64"), an_image("arm64")
    _, index = push_index(ecr, amd64, arm64, tag="v1")
    put(ecr, (UNUSED, ARCHIVE))
    clock.advance(31 * DAY)
    assert statuses(ecr) == {index: "ARCHIVED", amd64.digest: "ACTIVE", arm64.digest: "ACTIVE"}
    clock.advance(DAY)
    assert statuses(ecr) == dict.fromkeys((index, amd64.digest, arm64.digest), "ARCHIVED")


def test_indexes_of_indexes_are_archived_from_the_outermost_on(ecr, clock):
    image = an_image("amd64")
    inner, inner_digest = push_index(ecr, image)
    _, outer_digest = push_index(ecr, inner, tag="v1")
    put(ecr, (UNUSED, ARCHIVE))
    clock.advance(31 * DAY)
    archived = [outer_digest]
    for following in (inner_digest, image.digest):
        assert {digest for digest, status in statuses(ecr).items() if status == "ARCHIVED"} == set(archived)
        archived.append(following)
        clock.advance(DAY)
    assert set(statuses(ecr).values()) == {"ARCHIVED"}


def test_an_active_index_keeps_its_children_active(ecr, clock):
    image = an_image("amd64")
    _, unused = push_index(ecr, image, tag="v1")
    used = put_manifest(ecr, NAME, an_index(image, image).raw, "v2")
    put(ecr, (UNUSED, ARCHIVE))
    for _ in range(40):
        clock.advance(DAY)
        ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v2"}])
    assert statuses(ecr) == {unused: "ARCHIVED", used: "ACTIVE", image.digest: "ACTIVE"}


def test_a_restored_index_keeps_its_children_active(ecr, clock):
    image = an_image("amd64")
    _, index = push_index(ecr, image, tag="v1")
    ecr.update_image_storage_class(**move(ecr, index, "ARCHIVE"))
    ecr.update_image_storage_class(**move(ecr, index, "STANDARD"))
    refused = refusal(ecr.update_image_storage_class, **move(ecr, image.digest, "ARCHIVE"))
    assert refused[0] == "ImageStorageClassUpdateNotSupportedException"
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    put(ecr, (untagged, EXPIRE))
    clock.advance(5 * DAY)
    assert statuses(ecr) == dict.fromkeys((index, image.digest), "ACTIVE")


def test_archiving_by_hand_follows_the_same_order(ecr):
    image = an_image("amd64")
    inner, inner_digest = push_index(ecr, image)
    _, outer_digest = push_index(ecr, inner, tag="v1")
    for digest in (image.digest, inner_digest):
        refused = refusal(ecr.update_image_storage_class, **move(ecr, digest, "ARCHIVE"))
        assert refused[0] == "ImageStorageClassUpdateNotSupportedException"
    for digest in (outer_digest, inner_digest, image.digest):
        assert ecr.update_image_storage_class(**move(ecr, digest, "ARCHIVE"))["imageStatus"] == "ARCHIVED"
    assert ecr.update_image_storage_class(**move(ecr, image.digest, "STANDARD"))["imageStatus"] == "ACTIVATING"
    assert statuses(ecr)[image.digest] == "ACTIVE"


def test_a_rule_expires_children_of_an_archived_index(ecr, clock):
    image = an_image("amd64")
    _, index = push_index(ecr, image, tag="v1")
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
    put(ecr, (untagged, EXPIRE))
    clock.advance(5 * DAY)
    assert statuses(ecr) == {index: "ACTIVE", image.digest: "ACTIVE"}
    ecr.update_image_storage_class(**move(ecr, index, "ARCHIVE"))
    clock.advance(DAY)
    assert statuses(ecr) == {index: "ARCHIVED"}


def test_children_of_an_archived_index_cannot_be_deleted_by_hand(ecr):
    image = an_image("amd64")
    _, index = push_index(ecr, image, tag="v1")
    ecr.update_image_storage_class(**move(ecr, index, "ARCHIVE"))
    answer = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": image.digest}])
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageReferencedByManifestList"]
    assert statuses(ecr) == {index: "ARCHIVED", image.digest: "ACTIVE"}


def test_a_preview_shows_children_of_an_archived_index(ecr, clock):
    image = an_image("amd64")
    _, index = push_index(ecr, image, tag="v1")
    ecr.update_image_storage_class(**move(ecr, index, "ARCHIVE"))
    clock.advance(31 * DAY)
    rules = [{"rulePriority": 1, "selection": UNUSED, "action": ARCHIVE}]
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=json.dumps({"rules": rules}))
    results = ecr.get_lifecycle_policy_preview(repositoryName=NAME)["previewResults"]
    assert [result["imageDigest"] for result in results] == [image.digest]
