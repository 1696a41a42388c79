"""Previews of lifecycle policies through boto3."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.lifecycle import (
    DAY,
    NAME,
    TRANSITION,
    after,
    digests,
    keep,
    policy,
    preview,
    previewed,
    push,
    put,
)
from tests.support.refusals import refusal

NO_POLICY = (
    "LifecyclePolicyNotFoundException",
    "Lifecycle policy does not exist for the repository with name 'team/app' in the registry with id '000000000000'",
)


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName=NAME)


def test_a_preview_lists_expiring_images_and_deletes_none(ecr, clock):
    first, second, third = push(ecr, clock, 1, "v1", "a"), push(ecr, clock, 2), push(ecr, clock, 3)
    text = policy(keep(1))
    started = ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=text)
    del started["ResponseMetadata"]
    about = {"registryId": "000000000000", "repositoryName": NAME, "lifecyclePolicyText": text}
    assert started == about | {"status": "IN_PROGRESS"}
    answer = ecr.get_lifecycle_policy_preview(repositoryName=NAME)
    del answer["ResponseMetadata"]
    result = {"action": {"type": "EXPIRE"}, "appliedRulePriority": 1, "storageClass": "STANDARD"}
    hour = timedelta(hours=1)
    assert answer == about | {
        "status": "COMPLETE",
        "previewResults": [
            {"imageDigest": first, "imageTags": ["a", "v1"], "imagePushedAt": clock.now() - 2 * hour} | result,
            {"imageDigest": second, "imagePushedAt": clock.now() - hour} | result,
        ],
        "summary": {"expiringImageTotalCount": 2},
    }
    clock.advance(3 * DAY)
    assert digests(ecr) == {first, second, third}


def test_a_preview_of_transitions_counts_them_by_class(ecr, clock):
    push(ecr, clock, 1)
    push(ecr, clock, 2, "v2")
    clock.advance(2 * DAY)
    answer = preview(ecr, keep(1, 1, tagStatus="untagged"), after(1, priority=2, action=TRANSITION))
    assert [(each["action"], each["appliedRulePriority"]) for each in answer["previewResults"]] == [
        ({"type": "TRANSITION", "targetStorageClass": "ARCHIVE"}, 2)
    ]
    assert answer["summary"] == {
        "expiringImageTotalCount": 0,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": 1}],
    }


def test_a_preview_of_the_archive(ecr, clock):
    digest = push(ecr, clock, 1)
    ecr.update_image_storage_class(repositoryName=NAME, imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE")
    clock.advance(91 * DAY)
    results = preview(ecr, after(90, "Transitioned", storageClass="archive"))["previewResults"]
    assert [(each["imageDigest"], each["storageClass"]) for each in results] == [(digest, "ARCHIVE")]


def test_without_a_text_the_policy_of_the_repository_is_previewed(ecr, clock):
    assert refusal(ecr.start_lifecycle_policy_preview, repositoryName=NAME) == NO_POLICY
    text = put(ecr)["lifecyclePolicyText"]
    assert preview(ecr)["lifecyclePolicyText"] == text


def test_a_repository_without_a_preview_has_an_error_of_its_own(ecr):
    assert refusal(ecr.get_lifecycle_policy_preview, repositoryName=NAME) == (
        "LifecyclePolicyPreviewNotFoundException",
        "There is no dry run for this repository.",
    )


def test_a_preview_is_deleted_with_its_repository(ecr):
    preview(ecr, keep())
    ecr.delete_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName=NAME)
    assert refusal(ecr.get_lifecycle_policy_preview, repositoryName=NAME)[0] == (
        "LifecyclePolicyPreviewNotFoundException"
    )


def test_a_preview_replaces_the_last_one(ecr, clock):
    first, second, _ = push(ecr, clock, 1), push(ecr, clock, 2), push(ecr, clock, 3)
    assert previewed(preview(ecr, keep(1))) == [first, second]
    assert previewed(preview(ecr, keep(2))) == [first]


def test_a_preview_expires_after_a_day(ecr, clock):
    push(ecr, clock, 1)
    preview(ecr, keep())
    clock.advance(DAY)
    assert ecr.get_lifecycle_policy_preview(repositoryName=NAME)["status"] == "COMPLETE"
    clock.advance(timedelta(seconds=1))
    assert ecr.get_lifecycle_policy_preview(repositoryName=NAME)["status"] == "EXPIRED"
    assert preview(ecr, keep())["status"] == "COMPLETE"


def test_results_are_paged_in_the_order_of_the_policy_and_all_are_counted(ecr, clock):
    pushed = [push(ecr, clock, number) for number in range(6)]
    preview(ecr, keep(1))
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(
        repositoryName=NAME, PaginationConfig={"PageSize": 2}
    )
    answers = list(pages)
    assert [previewed(answer) for answer in answers] == [pushed[0:2], pushed[2:4], pushed[4:5]]
    assert {answer["summary"]["expiringImageTotalCount"] for answer in answers} == {5}


def test_a_page_has_100_results_by_default(ecr, clock):
    for number in range(102):
        put_image(ecr, NAME, an_image(number))
    answer = preview(ecr, keep(1))
    assert len(answer["previewResults"]) == 100
    rest = ecr.get_lifecycle_policy_preview(repositoryName=NAME, nextToken=answer["nextToken"])
    assert len(rest["previewResults"]) == 1
    assert "nextToken" not in rest


def test_results_are_filtered_by_image(ecr, clock):
    first, second, third = push(ecr, clock, 1, "v1"), push(ecr, clock, 2), push(ecr, clock, 3)

    def results(**image_id):
        return previewed(preview(ecr, keep(1), imageIds=[image_id]))

    assert results(imageTag="v1") == results(imageDigest=first) == [first]
    assert results(imageDigest=second) == [second]
    assert results(imageDigest=second, imageTag="v1") == results(imageDigest=third) == results(imageTag="v9") == []
    for paging in ({"maxResults": 5}, {"nextToken": "bm9uZQ=="}):
        request = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]} | paging
        assert refusal(ecr.get_lifecycle_policy_preview, **request)[0] == "InvalidParameterException"


def test_results_are_filtered_by_tag_status(ecr, clock):
    tagged, untagged, _ = push(ecr, clock, 1, "v1"), push(ecr, clock, 2), push(ecr, clock, 3)
    for status, expected in [("TAGGED", [tagged]), ("UNTAGGED", [untagged]), ("ANY", [tagged, untagged])]:
        answer = preview(ecr, keep(1), filter={"tagStatus": status})
        assert previewed(answer) == expected
        assert answer["summary"] == {"expiringImageTotalCount": 2}


class TestWhileAPreviewIsUnderWay:
    """Tests with a delay of the background work."""

    DELAY = timedelta(seconds=30)

    @pytest.fixture
    def background_delay(self):
        return self.DELAY

    def test_a_running_preview_has_no_results_and_a_second_one_must_wait(self, ecr, clock):
        push(ecr, clock, 1)
        answer = preview(ecr, keep())
        assert (answer["status"], answer["previewResults"]) == ("IN_PROGRESS", [])
        assert answer["summary"] == {"expiringImageTotalCount": 0}
        request = {"repositoryName": NAME, "lifecyclePolicyText": policy()}
        assert refusal(ecr.start_lifecycle_policy_preview, **request) == (
            "LifecyclePolicyPreviewInProgressException",
            "The previous lifecycle policy preview request has not completed. Wait and try again.",
        )
        clock.advance(self.DELAY)
        assert preview(ecr, keep())["status"] == "IN_PROGRESS"

    def test_the_waiter_waits_for_the_preview(self, plane, clock, monkeypatch):
        ecr = client_of(plane)
        push(ecr, clock, 1)
        put_image(ecr, NAME, an_image(2))
        preview(ecr, keep())
        monkeypatch.setattr("botocore.waiter.time.sleep", lambda seconds: clock.advance(timedelta(seconds=seconds)))
        started_at = clock.now()
        ecr.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=NAME)
        assert clock.now() - started_at == self.DELAY
        assert len(ecr.get_lifecycle_policy_preview(repositoryName=NAME)["previewResults"]) == 1

    def test_an_image_that_is_being_restored_is_left_alone(self, ecr, clock):
        put(ecr, after(90, "Transitioned", storageClass="archive"))
        image = {"repositoryName": NAME, "imageId": {"imageDigest": push(ecr, clock, 1)}}
        ecr.update_image_storage_class(**image, targetStorageClass="ARCHIVE")
        clock.advance(91 * DAY - timedelta(hours=1))
        ecr.update_image_storage_class(**image, targetStorageClass="STANDARD")
        clock.advance(self.DELAY)
        assert ecr.get_lifecycle_policy(repositoryName=NAME)["lastEvaluatedAt"] == clock.now()
        assert digests(ecr, imageStatus="ACTIVE") == {image["imageId"]["imageDigest"]}
