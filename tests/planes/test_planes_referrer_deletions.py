"""Signatures and other referrers are deleted within a day after their image, with or without a lifecycle policy."""

from __future__ import annotations

import json

import pytest

from tests.support.boto import client_of
from tests.support.images import an_image, an_index
from tests.support.planes import push

APP = "team/app"
SUBJECT = an_image("subject")
SIGNATURE = an_image("signature", subject=SUBJECT.descriptor)
COUNTERSIGNATURE = an_image("countersignature", subject=SIGNATURE.descriptor)
OTHER = an_image("other")
OTHERS_SIGNATURE = an_image("signature of other", subject=OTHER.descriptor)
TAGGED_ONLY = {
    "rulePriority": 1,
    "selection": {
        "tagStatus": "tagged",
        "tagPatternList": ["old*"],
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 1,
    },
    "action": {"type": "expire"},
}


@pytest.fixture
def app(client):
    client.ecr.create_repository(repositoryName=APP)
    return APP


def put_policy(client, rule=TAGGED_ONLY):
    text = json.dumps({"rules": [rule]})
    client.ecr.put_lifecycle_policy(repositoryName=APP, lifecyclePolicyText=text)


def statuses(ecr, name=APP):
    answer = ecr.describe_images(repositoryName=name, filter={"imageStatus": "ANY"})
    return {image["imageDigest"]: image["imageStatus"] for image in answer["imageDetails"]}


def present(client):
    return set(statuses(client.ecr))


@pytest.mark.parametrize("has_policy", [True, False])
@pytest.mark.parametrize("reference", ["v1", SUBJECT.digest])
def test_referrers_are_deleted_within_a_day_after_their_image(client, app, plane, has_policy, reference):
    if has_policy:
        put_policy(client)
    for image, tag in [(SUBJECT, "v1"), (SIGNATURE, None), (COUNTERSIGNATURE, "tagged"), (OTHER, "v2")]:
        push(plane, app, image, tag)
    push(plane, app, OTHERS_SIGNATURE)
    plane.delete(app, reference)
    assert present(client) == {each.digest for each in (SIGNATURE, COUNTERSIGNATURE, OTHER, OTHERS_SIGNATURE)}
    client.advance(hours=24)
    assert present(client) == {OTHER.digest, OTHERS_SIGNATURE.digest}


def test_referrers_are_deleted_with_an_image_that_expires(client, app, plane):
    put_policy(client)
    for image, tag in [(SUBJECT, "old-1"), (SIGNATURE, None), (COUNTERSIGNATURE, None), (OTHER, "v2")]:
        push(plane, app, image, tag)
    client.advance(hours=49)
    assert present(client) == {OTHER.digest}


def test_referrers_are_archived_with_their_image(client, app, plane):
    for image in (SUBJECT, SIGNATURE, COUNTERSIGNATURE, OTHER, OTHERS_SIGNATURE):
        push(plane, app, image)
    request = {"repositoryName": APP, "targetStorageClass": "ARCHIVE"}
    client.ecr.update_image_storage_class(**request, imageId={"imageDigest": SIGNATURE.digest})
    restored = {"imageDigest": COUNTERSIGNATURE.digest}
    client.ecr.update_image_storage_class(repositoryName=APP, imageId=restored, targetStorageClass="STANDARD")
    assert statuses(client.ecr)[COUNTERSIGNATURE.digest] == "ACTIVE"
    client.ecr.update_image_storage_class(**request, imageId={"imageDigest": SUBJECT.digest})
    archived = dict.fromkeys((each.digest for each in (SUBJECT, SIGNATURE, COUNTERSIGNATURE)), "ARCHIVED")
    assert statuses(client.ecr) == archived | {OTHER.digest: "ACTIVE", OTHERS_SIGNATURE.digest: "ACTIVE"}


def test_referrers_stay_if_their_image_is_pushed_again_in_time(client, app, plane, other_plane):
    for image in (SUBJECT, SIGNATURE):
        push(plane, app, image)
    other_plane.delete(app, SUBJECT.digest)
    client.advance(hours=23)
    push(plane, app, SUBJECT)
    client.advance(hours=48)
    assert present(client) == {SUBJECT.digest, SIGNATURE.digest}


def test_referrers_that_are_pushed_before_their_image_stay(client, app, plane):
    push(plane, app, OTHERS_SIGNATURE)
    for image in (SUBJECT, SIGNATURE):
        push(plane, app, image)
    plane.delete(app, SUBJECT.digest)
    client.advance(hours=1)
    later = an_image("later", subject=SUBJECT.descriptor)
    push(plane, app, later)
    client.advance(hours=48)
    assert present(client) == {OTHERS_SIGNATURE.digest, later.digest}


def test_a_deleted_tag_deletes_no_referrers(client, app, plane):
    for tag in ("v1", "v2"):
        push(plane, app, SUBJECT, tag)
    push(plane, app, SIGNATURE)
    plane.delete(app, "v1")
    client.advance(hours=48)
    assert present(client) == {SUBJECT.digest, SIGNATURE.digest}


def test_a_referrer_that_an_index_lists_is_deleted_after_the_index(client, app, plane):
    for image in (SUBJECT, SIGNATURE):
        push(plane, app, image)
    index = an_index(SIGNATURE)
    plane.push_manifest(app, index, "list")
    plane.delete(app, SUBJECT.digest)
    client.advance(hours=36)
    assert present(client) == {SIGNATURE.digest, index.digest}
    plane.delete(app, index.digest)
    client.advance(hours=24)
    assert present(client) == set()


def test_referrers_in_a_new_repository_of_the_same_name_stay(client, app, plane):
    for image in (SUBJECT, SIGNATURE):
        push(plane, app, image)
    plane.delete(app, SUBJECT.digest)
    client.ecr.delete_repository(repositoryName=APP, force=True)
    client.advance(hours=1)
    client.ecr.create_repository(repositoryName=APP)
    push(plane, app, SIGNATURE)
    client.advance(hours=48)
    assert present(client) == {SIGNATURE.digest}


def test_replicas_of_referrers_are_deleted_too(client, app, plane):
    destination = {"region": "eu-west-1", "registryId": "111122223333"}
    rule = {"destinations": [destination], "deleteReplication": {"enabled": True}}
    client.ecr.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    there = client_of(client.emulator, account="111122223333", region="eu-west-1")
    for image in (SUBJECT, SIGNATURE):
        push(plane, app, image)
    assert set(statuses(there)) == {SUBJECT.digest, SIGNATURE.digest}
    plane.delete(app, SUBJECT.digest)
    client.advance(hours=24)
    assert statuses(there) == {}
