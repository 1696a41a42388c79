"""Lifecycle policies through boto3: storing them, and their evaluation by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ecr_emulator.services.background import Background
from ecr_emulator.services.lifecycle import EVALUATE
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.lifecycle import (
    DAY,
    NAME,
    TRANSITION,
    after,
    compact,
    digests,
    keep,
    policy,
    preview,
    push,
    put,
)
from tests.support.refusals import refusal

NEVER = datetime.fromtimestamp(0, UTC)
NO_POLICY = (
    "LifecyclePolicyNotFoundException",
    "Lifecycle policy does not exist for the repository with name 'team/app' in the registry with id '000000000000'",
)
NO_REPOSITORY = (
    "RepositoryNotFoundException",
    "The repository with name 'team/none' does not exist in the registry with id '000000000000'",
)


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName=NAME)


# --- The policy itself -----------------------------------------------------------------------------------


def test_a_policy_is_stored_in_compact_form_and_not_evaluated_at_first(ecr):
    text = compact(policy())
    expected = {"registryId": "000000000000", "repositoryName": NAME, "lifecyclePolicyText": text}
    answers = [
        put(ecr),
        ecr.get_lifecycle_policy(repositoryName=NAME),
        ecr.delete_lifecycle_policy(repositoryName=NAME),
    ]
    for answer in answers:
        del answer["ResponseMetadata"]
    assert answers == [expected, expected | {"lastEvaluatedAt": NEVER}, expected | {"lastEvaluatedAt": NEVER}]
    assert refusal(ecr.get_lifecycle_policy, repositoryName=NAME) == NO_POLICY
    assert refusal(ecr.delete_lifecycle_policy, repositoryName=NAME) == NO_POLICY


def test_rules_are_returned_by_priority_and_a_preview_has_the_text_as_it_was_sent(ecr):
    first, second = keep(priority=1, tagStatus="untagged"), keep(priority=2)
    text = compact(policy(first, second))
    assert put(ecr, second, first)["lifecyclePolicyText"] == text
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text
    assert preview(ecr, second, first)["lifecyclePolicyText"] == policy(second, first)


def test_a_wrong_policy_changes_nothing(ecr):
    before = put(ecr)["lifecyclePolicyText"]
    wrong = policy(keep(action={"type": "keep"}))
    expected = (
        "InvalidParameterException",
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        "'Lifecycle policy validation failure: "
        'instance value ("keep") not found in enum (possible values: ["expire","transition"])\'',
    )
    for call in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        assert refusal(call, repositoryName=NAME, lifecyclePolicyText=wrong) == expected
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == before


def test_a_policy_is_between_100_and_30720_characters_long(ecr):
    for text, bound in [("x" * 99, "greater than or equal to 100"), ("x" * 30_721, "less than or equal to 30720")]:
        for call in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
            code, message = refusal(call, repositoryName=NAME, lifecyclePolicyText=text)
            assert (code, f"length {bound}" in message) == ("InvalidParameterException", True)


def test_every_operation_names_the_repository_that_it_does_not_find(ecr):
    for call in (
        ecr.get_lifecycle_policy,
        ecr.delete_lifecycle_policy,
        ecr.start_lifecycle_policy_preview,
        ecr.get_lifecycle_policy_preview,
    ):
        assert refusal(call, repositoryName="team/none") == NO_REPOSITORY
    request = {"repositoryName": "team/none", "lifecyclePolicyText": policy()}
    assert refusal(ecr.put_lifecycle_policy, **request) == NO_REPOSITORY


def test_policies_of_repositories_of_the_same_name_are_separate(ecr, ecr_of):
    put(ecr)
    for other in (ecr_of(account="111122223333"), ecr_of(region="eu-west-1")):
        other.create_repository(repositoryName=NAME)
        assert refusal(other.get_lifecycle_policy, repositoryName=NAME)[0] == "LifecyclePolicyNotFoundException"


# --- By the clock ----------------------------------------------------------------------------------------


def test_a_policy_acts_within_a_day_and_then_every_day(ecr, clock):
    first, second = push(ecr, clock, 1), push(ecr, clock, 2, "v2")
    put(ecr)
    clock.advance(DAY - timedelta(seconds=1))
    assert digests(ecr) == {first, second}
    clock.advance(timedelta(seconds=1))
    assert digests(ecr) == {second}
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lastEvaluatedAt"] == clock.now()
    third = push(ecr, clock, 3)
    assert digests(ecr) == {second, third}
    clock.advance(DAY)
    assert digests(ecr) == {third}


def test_all_tags_of_an_expired_image_are_deleted_each_with_an_event(ecr, clock, services):
    gone = push(ecr, clock, 1, "v1", "stable")
    push(ecr, clock, 2)
    put(ecr)
    clock.advance(DAY)
    assert refusal(ecr.describe_images, repositoryName=NAME, imageIds=[{"imageTag": "stable"}])[0] == (
        "ImageNotFoundException"
    )
    with services.store.reading() as work:
        events = [event for event in work.events.after(0, 100) if event.detail["action-type"] == "DELETE"]
    told = [(event.detail["image-digest"], event.detail["image-tag"]) for event in events]
    assert told == [(gone, "stable"), (gone, "v1")]


def test_a_policy_that_was_deleted_does_not_act(ecr, clock):
    both = {push(ecr, clock, 1), push(ecr, clock, 2)}
    put(ecr)
    ecr.delete_lifecycle_policy(repositoryName=NAME)
    clock.advance(3 * DAY)
    assert digests(ecr) == both


def test_a_policy_that_replaces_another_acts_when_that_would_have(ecr, clock):
    both = {push(ecr, clock, 1), push(ecr, clock, 2)}
    put(ecr, keep(2))
    clock.advance(DAY / 2)
    put(ecr, keep(1))
    clock.advance(DAY / 2 - timedelta(seconds=1))
    assert digests(ecr) == both
    clock.advance(timedelta(seconds=1))
    assert len(digests(ecr)) == 1


@pytest.mark.parametrize("others", [[], [keep(2, tagStatus="untagged"), keep(3, priority=2)]])
def test_a_policy_that_is_put_repeatedly_acts_nevertheless(ecr, clock, others):
    push(ecr, clock, 1)
    last = push(ecr, clock, 2)
    for number in range(3):
        put(ecr, *([] if number % 2 else others))
        clock.advance(DAY / 2)
    assert digests(ecr) == {last}


def test_a_policy_that_was_deleted_and_put_again_has_a_day(ecr, clock):
    both = {push(ecr, clock, 1), push(ecr, clock, 2)}
    put(ecr)
    clock.advance(DAY / 2)
    ecr.delete_lifecycle_policy(repositoryName=NAME)
    put(ecr)
    clock.advance(DAY - timedelta(seconds=1))
    assert digests(ecr) == both


def test_a_policy_does_not_outlive_its_repository(ecr, clock):
    put(ecr)
    ecr.delete_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName=NAME)
    both = {push(ecr, clock, 1), push(ecr, clock, 2)}
    clock.advance(3 * DAY)
    assert digests(ecr) == both


def test_policies_can_be_evaluated_at_once(plane, ecr, clock):
    push(ecr, clock, 1)
    last = push(ecr, clock, 2)
    put(ecr)
    assert plane.services.background.run_now(EVALUATE, clock.now()) == 1
    assert digests(ecr) == {last}
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lastEvaluatedAt"] == clock.now()


def test_an_immediate_evaluation_ignores_the_background_delay(services, ecr, clock):
    put(ecr)
    background = Background(
        services.store, services.garbage_collector, timedelta(hours=1), signatures=services.signatures
    )
    assert background.run_now(EVALUATE, clock.now()) == 1
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lastEvaluatedAt"] == clock.now()


def test_an_index_expires_first_and_its_children_the_next_day(ecr, clock):
    children = [an_image(1), an_image(2)]
    listed = {put_image(ecr, NAME, child) for child in children}
    index = put_manifest(ecr, NAME, an_index(*children).raw, "v1")
    put(ecr, after(1, tagStatus="tagged", tagPrefixList=["v"]), after(1, priority=2, tagStatus="untagged"))
    clock.advance(DAY)
    assert digests(ecr) == {index, *listed}
    clock.advance(DAY)
    assert digests(ecr) == listed
    clock.advance(DAY)
    assert digests(ecr) == set()


def test_referrers_expire_with_their_image_and_only_with_it(ecr, clock):
    kept = an_image("kept")
    signature = put_image(ecr, NAME, an_image("signature", subject=an_image("old").descriptor))
    old = put_image(ecr, NAME, an_image("old"), "old")
    put_image(ecr, NAME, an_image("signature of kept", subject=kept.descriptor))
    clock.advance(timedelta(hours=1))
    put_image(ecr, NAME, kept, "kept")
    put(ecr, keep(1, tagStatus="tagged", tagPatternList=["*"]), after(1, priority=2, tagStatus="untagged"))
    assert {old, signature} < digests(ecr)
    clock.advance(2 * DAY)
    left = digests(ecr)
    assert len(left) == 2
    assert not {old, signature} & left


def test_an_image_without_pulls_is_archived_and_later_expired(ecr, clock):
    unused, used = push(ecr, clock, 1), push(ecr, clock, 2)
    archived = after(90, "Transitioned", priority=2, storageClass="archive")
    put(ecr, after(30, "Pulled", action=TRANSITION), archived)
    clock.advance(20 * DAY)
    ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": used}])
    clock.advance(11 * DAY)
    assert digests(ecr, imageStatus="ARCHIVED") == {unused}
    assert digests(ecr, imageStatus="ACTIVE") == {used}
    details = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": unused}])["imageDetails"][0]
    assert (details["imageStatus"], details["lastArchivedAt"]) == ("ARCHIVED", clock.now() - DAY)
    for _ in range(91):
        ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": used}])
        clock.advance(DAY)
    assert digests(ecr) == {used}


def test_a_template_gives_its_policy_to_the_repositories_that_it_creates(ecr, ecr_of, clock):
    there = ecr_of(region="eu-west-1")
    there.create_repository_creation_template(
        prefix="ROOT", appliedFor=["REPLICATION"], lifecyclePolicy=policy(keep(1))
    )
    rule = {"destinations": [{"region": "eu-west-1", "registryId": "000000000000"}]}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    push(ecr, clock, 1)
    last = push(ecr, clock, 2)
    replica = there.get_lifecycle_policy(repositoryName=NAME)
    assert (replica["lifecyclePolicyText"], replica["lastEvaluatedAt"]) == (compact(policy(keep(1))), NEVER)
    assert len(digests(there)) == 2
    clock.advance(DAY)
    assert digests(there) == {last}


def test_deletions_by_policy_are_replicated_where_that_is_configured(ecr, ecr_of, clock):
    destination = {"region": "eu-west-1", "registryId": "000000000000"}
    rule = {"destinations": [destination], "deleteReplication": {"enabled": True}}
    ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    push(ecr, clock, 1, "v1")
    last = push(ecr, clock, 2, "v2")
    put(ecr)
    clock.advance(DAY)
    replicas = ecr_of(region="eu-west-1").list_images(repositoryName=NAME)["imageIds"]
    assert replicas == [{"imageDigest": last, "imageTag": "v2"}]


def test_missed_days_are_evaluated_one_by_one(ecr, clock):
    digest = push(ecr, clock, 1)
    put(ecr, after(5, action=TRANSITION), after(90, "Transitioned", priority=2, storageClass="archive"))
    clock.advance(40 * DAY)
    image = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": digest}])["imageDetails"][0]
    assert image["lastArchivedAt"] == clock.now() - 34 * DAY
    clock.advance(60 * DAY)
    assert digests(ecr) == set()
