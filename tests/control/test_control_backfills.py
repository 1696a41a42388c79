"""Replication backfills through boto3."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from ecr_emulator.domain.backfill import has_failed
from ecr_emulator.services.backfills import RUN
from ecr_emulator.services.background import Outcome
from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
DELAY = timedelta(minutes=1)
DESTINATION = {"region": "eu-west-1", "registryId": "111122223333"}
UNKNOWN = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.fixture
def background_delay():
    return DELAY


@pytest.fixture
def destination_ecr(ecr_of):
    return ecr_of(DESTINATION["registryId"], DESTINATION["region"])


def configure(client, *destinations, **members):
    rules = [{"destinations": list(destinations), **members}]
    client.put_replication_configuration(replicationConfiguration={"rules": rules})


@pytest.fixture
def old_images(ecr):
    """Push images before there is a replication configuration, and return them as (repository, tag)."""
    names = [("team/app", "v1"), ("team/app", "v2"), ("team/app", None), ("tools", "v1")]
    for repository in ("team/app", "tools"):
        ecr.create_repository(repositoryName=repository)
    for repository, tag in names:
        put_image(ecr, repository, an_image(f"{repository} {tag}"), tag)
    return names


def start(client, destination=None):
    return client.start_replication_backfill(destination=destination or DESTINATION)["replicationBackfillId"]


def results(client, backfill_id, **request):
    return client.describe_replication_backfill_results(replicationBackfillId=backfill_id, **request)


@pytest.mark.usefixtures("old_images")
def test_a_backfill_prepares_runs_and_completes(ecr, destination_ecr, clock):
    configure(ecr, DESTINATION)
    started = ecr.start_replication_backfill(destination=DESTINATION)
    assert (started["registryId"], started["destination"], started["status"], started["startedAt"]) == (
        ACCOUNT,
        DESTINATION,
        "PREPARING",
        clock.now(),
    )
    backfill_id = started["replicationBackfillId"]
    preparing = results(ecr, backfill_id)
    assert (preparing["status"], preparing["results"]) == ("PREPARING", [])
    assert "progress" not in preparing
    clock.advance(DELAY)
    running = results(ecr, backfill_id)
    assert (running["status"], running["results"], running["progress"]["totalReplicationCount"]) == (
        "IN_PROGRESS",
        [],
        4,
    )
    clock.advance(DELAY)
    ended = results(ecr, backfill_id)
    assert (ended["status"], ended["endedAt"]) == ("COMPLETE", clock.now())
    assert ended["progress"] == {
        "totalReplicationCount": 4,
        "completedReplicationCount": 4,
        "failedReplicationCount": 0,
        "failureCodes": [],
    }
    assert {(each["repositoryName"], each["imageId"].get("imageTag"), each["status"]) for each in ended["results"]} == {
        ("team/app", "v1", "COMPLETE"),
        ("team/app", "v2", "COMPLETE"),
        ("team/app", None, "COMPLETE"),
        ("tools", "v1", "COMPLETE"),
    }
    for name in ("team/app", "tools"):
        listed = [client.list_images(repositoryName=name)["imageIds"] for client in (ecr, destination_ecr)]
        assert listed[0] == listed[1]
    status = ecr.describe_image_replication_status(repositoryName="tools", imageId={"imageTag": "v1"})
    assert status["replicationStatuses"] == [DESTINATION | {"status": "COMPLETE"}]


@pytest.mark.usefixtures("old_images")
def test_a_backfill_covers_only_repositories_that_are_replicated(ecr, destination_ecr, clock):
    configure(ecr, DESTINATION, repositoryFilters=[{"filter": "team", "filterType": "PREFIX_MATCH"}])
    start(ecr)
    clock.advance(2 * DELAY)
    ecr.describe_registry()
    clock.advance(DELAY)
    assert [each["repositoryName"] for each in destination_ecr.describe_repositories()["repositories"]] == ["team/app"]


@pytest.mark.usefixtures("old_images")
def test_a_backfill_does_not_replicate_archived_images(ecr, clock):
    configure(ecr, DESTINATION)
    ecr.update_image_storage_class(repositoryName="tools", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    backfill_id = start(ecr)
    clock.advance(DELAY)
    assert results(ecr, backfill_id)["progress"]["totalReplicationCount"] == 3


@pytest.mark.usefixtures("old_images")
def test_results_name_failed_replications(ecr, destination_ecr, clock):
    destination_ecr.create_repository_creation_template(
        prefix="team", appliedFor=["REPLICATION"], resourceTags=[{"Key": "a", "Value": "b"}]
    )
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    clock.advance(DELAY)
    ecr.describe_registry()
    ecr.delete_repository(repositoryName="tools", force=True)
    clock.advance(DELAY)
    ended = results(ecr, backfill_id)
    assert ended["status"] == "COMPLETE"
    assert ended["progress"] == {
        "totalReplicationCount": 4,
        "completedReplicationCount": 0,
        "failedReplicationCount": 4,
        "failureCodes": ["ImageNotFound", "RepositoryNotFound"],
    }
    assert results(ecr, backfill_id, resultStatusFilter="COMPLETE")["results"] == []
    failed = results(ecr, backfill_id, resultStatusFilter="FAILED", maxResults=3)
    rest = results(ecr, backfill_id, resultStatusFilter="FAILED", maxResults=3, nextToken=failed["nextToken"])
    codes = [each["failureCode"] for each in failed["results"] + rest["results"]]
    assert sorted(codes) == ["ImageNotFound"] + ["RepositoryNotFound"] * 3


@pytest.mark.parametrize(
    ("failed", "processed", "expected"),
    [(99, 99, False), (50, 100, True), (49, 100, False), (100, 201, False), (101, 201, True)],
)
def test_a_backfill_fails_when_half_of_at_least_100_replications_failed(failed, processed, expected):
    assert has_failed(failed, processed) is expected


def test_a_backfill_with_too_many_failures_ends(ecr, destination_ecr, clock):
    destination_ecr.create_repository_creation_template(
        prefix="ROOT", appliedFor=["REPLICATION"], resourceTags=[{"Key": "a", "Value": "b"}]
    )
    ecr.create_repository(repositoryName="tools")
    put_image(ecr, "tools", an_image(), "v0")
    manifest = an_image().raw.decode()
    for number in range(1, 120):
        ecr.put_image(repositoryName="tools", imageManifest=manifest, imageTag=f"v{number}")
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    clock.advance(DELAY)
    ecr.describe_registry()
    clock.advance(DELAY)
    ended = results(ecr, backfill_id)
    assert (ended["status"], ended["failureCode"], len(ended["results"])) == ("FAILED", "TooManyFailures", 100)
    assert ended["progress"]["totalReplicationCount"] == 120


def test_one_backfill_runs_to_a_region_at_a_time(ecr, clock):
    second = DESTINATION | {"registryId": "444455556666"}
    configure(ecr, DESTINATION, second)
    start(ecr)
    for destination in (DESTINATION, second):
        assert refusal(ecr.start_replication_backfill, destination=destination) == (
            "ReplicationBackfillInProgressException",
            "A replication backfill is already in progress for the specified destination Region.",
        )
    clock.advance(DELAY)
    ecr.describe_registry()
    clock.advance(DELAY)
    start(ecr, second)


def test_a_registry_runs_10_backfills_at_a_time(ecr):
    regions = "us-east-2 us-west-1 us-west-2 eu-west-1 eu-west-2 eu-west-3 eu-north-1 sa-east-1 ca-west-1 me-south-1"
    destinations = [DESTINATION | {"region": region} for region in [*regions.split(), "af-south-1"]]
    configure(ecr, *destinations)
    for destination in destinations[:10]:
        start(ecr, destination)
    assert refusal(ecr.start_replication_backfill, destination=destinations[10])[0] == "LimitExceededException"


def test_a_backfill_goes_to_a_destination_of_the_configuration(ecr):
    assert refusal(ecr.start_replication_backfill, destination=DESTINATION) == (
        "ValidationException",
        "The destination is not part of the replication configuration of the registry.",
    )


@pytest.mark.usefixtures("old_images")
def test_a_running_backfill_can_be_stopped(ecr, destination_ecr, clock):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    stopped = ecr.stop_replication_backfill(replicationBackfillId=backfill_id)
    assert (stopped["registryId"], stopped["replicationBackfillId"], stopped["status"]) == (
        ACCOUNT,
        backfill_id,
        "STOPPED",
    )
    clock.advance(DELAY)
    ended = results(ecr, backfill_id)
    assert (ended["status"], ended["results"]) == ("STOPPED", [])
    assert "progress" not in ended
    assert destination_ecr.describe_repositories()["repositories"] == []
    backfill_id = start(ecr)
    clock.advance(DELAY)
    ecr.stop_replication_backfill(replicationBackfillId=backfill_id)
    assert results(ecr, backfill_id)["progress"]["completedReplicationCount"] == 0


def test_a_backfill_that_has_ended_cannot_be_stopped(ecr):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    ecr.stop_replication_backfill(replicationBackfillId=backfill_id)
    assert refusal(ecr.stop_replication_backfill, replicationBackfillId=backfill_id)[0] == (
        "ReplicationBackfillInvalidStatusException"
    )


def test_an_unknown_backfill_is_not_found(ecr, ecr_of):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    expected = (
        "ReplicationBackfillNotFoundException",
        "The specified replication backfill could not be found.",
    )
    for client, unknown in [(ecr, UNKNOWN), (ecr_of("111122223333"), backfill_id)]:
        assert refusal(client.stop_replication_backfill, replicationBackfillId=unknown) == expected
        assert refusal(client.describe_replication_backfill_results, replicationBackfillId=unknown) == expected
    assert results(ecr_of("111122223333"), backfill_id, registryId=ACCOUNT)["status"] == "PREPARING"


def test_backfills_are_listed_in_pages_the_newest_first(ecr, clock):
    configure(ecr, DESTINATION)
    expected = []
    for _ in range(30):
        expected.insert(0, start(ecr))
        ecr.stop_replication_backfill(replicationBackfillId=expected[0])
        clock.advance(DELAY)
    first = ecr.list_replication_backfills()
    second = ecr.list_replication_backfills(nextToken=first["nextToken"])
    assert (first["registryId"], len(first["backfills"])) == (ACCOUNT, 25)
    assert [each["replicationBackfillId"] for each in first["backfills"] + second["backfills"]] == expected
    newest = first["backfills"][0]
    assert (newest["destination"], newest["status"]) == (DESTINATION, "STOPPED")
    assert newest["startedAt"] == newest["endedAt"] == clock.now() - DELAY


def test_a_backfill_is_forgotten_90_days_after_its_end(ecr, clock):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    ecr.stop_replication_backfill(replicationBackfillId=backfill_id)
    clock.advance(timedelta(days=90))
    assert len(ecr.list_replication_backfills()["backfills"]) == 1
    clock.advance(timedelta(seconds=1))
    assert ecr.list_replication_backfills()["backfills"] == []
    assert refusal(ecr.describe_replication_backfill_results, replicationBackfillId=backfill_id)[0] == (
        "ReplicationBackfillNotFoundException"
    )


@pytest.fixture
def single_steps(services, monkeypatch):
    """Let a backfill replicate one image in each transaction."""
    kinds = services.background._kinds
    monkeypatch.setitem(kinds, RUN, partial(kinds[RUN], step=1))


@pytest.mark.usefixtures("old_images", "single_steps")
def test_a_request_to_the_destination_waits_for_all_steps_of_a_backfill(ecr, destination_ecr, clock):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    clock.advance(2 * DELAY)
    assert len(destination_ecr.list_images(repositoryName="team/app")["imageIds"]) == 3
    complete = results(ecr, backfill_id)
    assert (complete["status"], [each["status"] for each in complete["results"]]) == ("COMPLETE", ["COMPLETE"] * 4)


@pytest.mark.usefixtures("old_images", "single_steps")
def test_a_backfill_that_is_stopped_between_two_steps_has_the_results_of_the_first(services, ecr, clock):
    configure(ecr, DESTINATION)
    backfill_id = start(ecr)
    clock.advance(DELAY)
    assert services.background.step(clock.now()) is Outcome.DONE
    later = clock.now() + DELAY
    assert services.background.step(later) is Outcome.PART
    assert ecr.stop_replication_backfill(replicationBackfillId=backfill_id)["status"] == "STOPPED"
    stopped = results(ecr, backfill_id)
    assert [each["status"] for each in stopped["results"]] == ["COMPLETE"]
    clock.advance(DELAY)
    assert results(ecr, backfill_id)["results"] == stopped["results"]
