"""Replication through boto3: images that are pushed to one registry arrive in others of the same emulator."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.domain.service_linked_roles import REPLICATION
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
DESTINATION = ("111122223333", "eu-west-1")
DELAY = timedelta(minutes=1)


@pytest.fixture
def background_delay():
    return DELAY


@pytest.fixture
def destination_ecr(ecr_of):
    """Return a client of the registry to which images are replicated."""
    return ecr_of(*DESTINATION)


def destination(account=DESTINATION[0], region=DESTINATION[1]):
    return {"region": region, "registryId": account}


def rule(*destinations, prefixes=None, deletions=None):
    described = {"destinations": list(destinations)}
    if prefixes is not None:
        described["repositoryFilters"] = [{"filter": each, "filterType": "PREFIX_MATCH"} for each in prefixes]
    if deletions is not None:
        described["deleteReplication"] = {"enabled": deletions}
    return described


def configure(client, *rules):
    return client.put_replication_configuration(replicationConfiguration={"rules": list(rules)})


def refused(client, *rules):
    return refusal(client.put_replication_configuration, replicationConfiguration={"rules": list(rules)})


def invalid(reason):
    sentence = f"Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: '{reason}'"
    return "InvalidParameterException", sentence


def statuses(client, name="team/app", **image_id):
    answer = client.describe_image_replication_status(repositoryName=name, imageId=image_id)
    assert (answer["repositoryName"], answer["imageId"]) == (name, image_id)
    return answer["replicationStatuses"]


def images(client, name="team/app"):
    return client.list_images(repositoryName=name, filter={"imageStatus": "ANY"})["imageIds"]


def pushed(client, seed="app", tag="v1", name="team/app"):
    """Push an image, after creating its repository if needed, and return its digest."""
    if not any(each["repositoryName"] == name for each in client.describe_repositories()["repositories"]):
        client.create_repository(repositoryName=name)
    return put_image(client, name, an_image(seed), tag)


# --- Configuration -------------------------------------------------------------------------------------------


def test_a_registry_replicates_nothing_at_first(ecr):
    answer = ecr.describe_registry()
    assert (answer["registryId"], answer["replicationConfiguration"]) == (ACCOUNT, {"rules": []})


def test_a_configuration_is_described_as_it_was_put(ecr, plane):
    rules = [
        rule(destination(), destination(ACCOUNT, "us-west-2"), prefixes=["team/", "prod"], deletions=True),
        rule(destination(), deletions=False),
    ]
    assert configure(ecr, *rules)["replicationConfiguration"] == {"rules": rules}
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": rules}
    assert plane.roles.ensured == [(ACCOUNT, REPLICATION)]


def test_a_configuration_without_rules_removes_the_earlier_one(ecr):
    configure(ecr, rule(destination()))
    assert configure(ecr)["replicationConfiguration"] == {"rules": []}
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}


def test_configurations_belong_to_an_account_in_a_region(ecr, ecr_of):
    configure(ecr, rule(destination()))
    for other in (ecr_of("111122223333"), ecr_of(region="eu-west-1")):
        assert other.describe_registry()["replicationConfiguration"] == {"rules": []}


def test_a_registry_does_not_replicate_to_itself(ecr):
    assert refused(ecr, rule(destination(ACCOUNT, "us-east-1"))) == invalid(
        "Replication destination cannot be the same as the source registry"
    )


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "nowhere", "us-east"])
def test_a_destination_is_in_a_region_of_the_partition(ecr, region):
    assert refused(ecr, rule(destination(region=region))) == invalid(f"Invalid region '{region}'")


def test_partitions_replicate_among_themselves(ecr_of):
    china = ecr_of(region="cn-north-1")
    configure(china, rule(destination(region="cn-northwest-1")))
    assert refused(china, rule(destination(region="us-east-1"))) == invalid("Invalid region 'us-east-1'")


def test_there_are_at_most_25_unique_destinations(ecr):
    accounts = [destination(f"{number:012}") for number in range(1, 27)]
    configure(ecr, rule(*accounts[:25]), rule(*accounts[:25]))
    assert refused(ecr, rule(*accounts[:13]), rule(*accounts[13:])) == invalid(
        "The number of unique destinations must not exceed 25"
    )


@pytest.mark.parametrize(
    "rules",
    [
        [rule(destination())] * 26,
        [rule(*[destination()] * 101)],
        [rule(destination(), prefixes=[])],
        [rule(destination(), prefixes=["a"] * 101)],
        [rule(destination(), prefixes=["Team"])],
        [rule(destination("12"))],
    ],
)
def test_rules_have_limits_and_patterns(ecr, rules):
    assert refused(ecr, *rules)[0] == "InvalidParameterException"


# --- Pushes --------------------------------------------------------------------------------------------------


def test_a_push_is_replicated_with_its_tag_after_a_while(ecr, destination_ecr, clock):
    configure(ecr, rule(destination()))
    digest = pushed(ecr)
    place = {"region": DESTINATION[1], "registryId": DESTINATION[0]}
    assert statuses(ecr, imageTag="v1") == [place | {"status": "IN_PROGRESS"}]
    assert destination_ecr.describe_repositories()["repositories"] == []
    clock.advance(DELAY)
    assert statuses(ecr, imageDigest=digest) == [place | {"status": "COMPLETE"}]
    assert images(destination_ecr) == [{"imageDigest": digest, "imageTag": "v1"}]
    replica = destination_ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["images"][0]
    assert replica["imageManifest"].encode() == an_image("app").raw
    layers = [blob.digest for blob in an_image("app").blobs]
    answer = destination_ecr.batch_check_layer_availability(repositoryName="team/app", layerDigests=layers)
    assert {layer["layerAvailability"] for layer in answer["layers"]} == {"AVAILABLE"}


def test_images_from_before_the_configuration_are_not_replicated(ecr, destination_ecr, clock):
    pushed(ecr)
    configure(ecr, rule(destination()))
    clock.advance(DELAY)
    assert statuses(ecr, imageTag="v1") == []
    assert destination_ecr.describe_repositories()["repositories"] == []


def test_filters_are_prefixes_of_the_name(ecr, destination_ecr, clock):
    configure(ecr, rule(destination(), prefixes=["team/", "prod"]))
    for name in ("team/app", "production", "my/prod", "team"):
        pushed(ecr, name=name)
    clock.advance(DELAY)
    found = [each["repositoryName"] for each in destination_ecr.describe_repositories()["repositories"]]
    assert found == ["production", "team/app"]


def test_two_rules_with_one_destination_replicate_once(ecr, services, clock):
    configure(ecr, rule(destination()), rule(destination(), prefixes=["team"]))
    pushed(ecr)
    clock.advance(DELAY)
    assert len(statuses(ecr, imageTag="v1")) == 1
    with services.store.reading() as work:
        events = [event for event in work.events.after(0, 100) if event.detail_type == "ECR Replication Action"]
    assert len(events) == 1


def test_the_destination_gets_an_event(ecr, services, clock):
    configure(ecr, rule(destination()))
    digest = pushed(ecr)
    clock.advance(DELAY)
    statuses(ecr, imageTag="v1")
    with services.store.reading() as work:
        events = [event.envelope() for event in work.events.after(0, 100)]
    assert [event["detail-type"] for event in events] == ["ECR Image Action", "ECR Replication Action"]
    told = events[1]
    assert (told["account"], told["region"]) == DESTINATION
    assert told["resources"] == ["arn:aws:ecr:eu-west-1:111122223333:repository/team/app"]
    assert told["detail"] == {
        "result": "SUCCESS",
        "repository-name": "team/app",
        "image-digest": digest,
        "source-account": ACCOUNT,
        "action-type": "REPLICATE",
        "source-region": "us-east-1",
        "image-tag": "v1",
    }


def test_an_index_is_replicated_with_its_children(ecr, destination_ecr, clock):
    ecr.create_repository(repositoryName="team/app")
    child = an_image("child")
    put_image(ecr, "team/app", child)
    configure(ecr, rule(destination()))
    digest = put_manifest(ecr, "team/app", an_index(child).raw, "v1")
    clock.advance(DELAY)
    assert sorted(images(destination_ecr), key=len) == [
        {"imageDigest": child.digest},
        {"imageDigest": digest, "imageTag": "v1"},
    ]


def test_replicas_are_not_replicated_again(ecr, destination_ecr, ecr_of, clock):
    configure(ecr, rule(destination()))
    configure(destination_ecr, rule(destination(ACCOUNT, "us-west-2")))
    pushed(ecr)
    clock.advance(DELAY)
    clock.advance(DELAY)
    assert images(destination_ecr)
    assert statuses(destination_ecr, imageTag="v1") == []
    assert ecr_of(region="us-west-2").describe_repositories()["repositories"] == []


def test_the_repository_of_a_replica_is_created_from_a_template(ecr, destination_ecr, clock):
    destination_ecr.create_repository_creation_template(
        prefix="team", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE"
    )
    configure(ecr, rule(destination()))
    pushed(ecr)
    clock.advance(DELAY)
    assert destination_ecr.describe_repositories()["repositories"][0]["imageTagMutability"] == "IMMUTABLE"


def test_a_template_that_cannot_be_applied_fails_the_replication(ecr, destination_ecr, services, clock):
    destination_ecr.create_repository_creation_template(
        prefix="team", appliedFor=["REPLICATION"], resourceTags=[{"Key": "team", "Value": "a"}]
    )
    configure(ecr, rule(destination()))
    pushed(ecr)
    clock.advance(DELAY)
    status = statuses(ecr, imageTag="v1")[0]
    assert (status["status"], status["failureCode"]) == ("FAILED", "RepositoryNotFound")
    with services.store.reading() as work:
        assert work.events.after(1, 1)[0].detail["result"] == "FAILED"


def test_an_immutable_tag_at_the_destination_stays_and_the_image_arrives_untagged(ecr, destination_ecr, clock):
    destination_ecr.create_repository(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    theirs = pushed(destination_ecr, "theirs")
    configure(ecr, rule(destination()))
    ours = pushed(ecr, "ours")
    clock.advance(DELAY)
    expected = [{"imageDigest": theirs, "imageTag": "v1"}, {"imageDigest": ours}]
    assert sorted(images(destination_ecr), key=str) == sorted(expected, key=str)
    assert statuses(ecr, imageTag="v1")[0]["status"] == "COMPLETE"


def test_replication_restores_an_archived_replica(ecr, destination_ecr, clock):
    configure(ecr, rule(destination()))
    digest = pushed(ecr)
    clock.advance(DELAY)
    destination_ecr.update_image_storage_class(
        repositoryName="team/app", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE"
    )
    put_manifest(ecr, "team/app", an_image("app").raw, "v2")
    clock.advance(DELAY)
    details = destination_ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert [(each["imageDigest"], each["imageTags"], each["imageStatus"]) for each in details] == [
        (digest, ["v1", "v2"], "ACTIVE")
    ]


def test_an_image_that_is_deleted_before_its_replication_is_not_replicated(ecr, destination_ecr, clock):
    configure(ecr, rule(destination()))
    pushed(ecr)
    ecr.delete_repository(repositoryName="team/app", force=True)
    clock.advance(DELAY)
    assert destination_ecr.describe_repositories()["repositories"] == []


# --- Deletions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deletions", "left"), [(True, []), (False, ["v1", "v2"]), (None, ["v1", "v2"])])
def test_deletions_are_replicated_if_the_rule_says_so(ecr, destination_ecr, clock, deletions, left):
    configure(ecr, rule(destination(), deletions=deletions))
    digest = pushed(ecr)
    put_manifest(ecr, "team/app", an_image("app").raw, "v2")
    clock.advance(DELAY)
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
    clock.advance(DELAY)
    assert sorted(image["imageTag"] for image in images(destination_ecr)) == left


def test_a_deleted_tag_takes_only_the_tag_that_points_to_the_same_image(ecr, destination_ecr, clock):
    configure(ecr, rule(destination(), deletions=True))
    pushed(ecr)
    put_manifest(ecr, "team/app", an_image("app").raw, "v2")
    clock.advance(DELAY)
    theirs = pushed(destination_ecr, "theirs", "v2")
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    clock.advance(DELAY)
    assert images(destination_ecr) == [{"imageDigest": theirs, "imageTag": "v2"}]


def test_deleting_a_repository_leaves_its_replica(ecr, destination_ecr, clock):
    configure(ecr, rule(destination(), deletions=True))
    pushed(ecr)
    clock.advance(DELAY)
    ecr.describe_registry()
    ecr.delete_repository(repositoryName="team/app", force=True)
    clock.advance(DELAY)
    assert images(destination_ecr)


def test_the_status_of_an_absent_image_is_not_found(ecr):
    def refused(**image_id):
        return refusal(ecr.describe_image_replication_status, repositoryName="team/app", imageId=image_id)[0]

    assert refused(imageTag="v1") == "RepositoryNotFoundException"
    ecr.create_repository(repositoryName="team/app")
    assert refused(imageTag="v1") == "ImageNotFoundException"
    assert refused() == "InvalidParameterException"
