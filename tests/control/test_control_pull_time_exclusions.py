"""Principals whose pulls are not recorded, through boto3."""

from __future__ import annotations

import pytest

from ecr_emulator.domain.pull_time_exclusions import is_excluded
from ecr_emulator.ports.identities import AccessKey
from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

SCANNER = "arn:aws:iam::000000000000:role/scanner"
ROOT = "arn:aws:iam::000000000000:root"


def listed(client):
    return client.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"]


def test_an_exclusion_is_registered_listed_and_deregistered(ecr, clock):
    registered = ecr.register_pull_time_update_exclusion(principalArn=SCANNER)
    assert (registered["principalArn"], registered["createdAt"]) == (SCANNER, clock.now())
    assert listed(ecr) == [SCANNER]
    assert ecr.deregister_pull_time_update_exclusion(principalArn=SCANNER)["principalArn"] == SCANNER
    assert listed(ecr) == []


def test_a_principal_is_excluded_once(ecr):
    ecr.register_pull_time_update_exclusion(principalArn=SCANNER)
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=SCANNER) == (
        "ExclusionAlreadyExistsException",
        "The specified pull time update exclusion already exists for the registry.",
    )


def test_an_absent_exclusion_is_not_found(ecr):
    assert refusal(ecr.deregister_pull_time_update_exclusion, principalArn=SCANNER) == (
        "ExclusionNotFoundException",
        "The specified pull time update exclusion was not found.",
    )


@pytest.mark.parametrize(
    "arn",
    [
        ROOT,
        "scanner",
        "arn:aws:iam::12:role/scanner",
        "arn:aws:sts::000000000000:assumed-role/a/b",
        "arn:aws:iam::000000000000:role/",
    ],
)
def test_only_roles_and_users_are_excluded(ecr, arn):
    code, message = refusal(ecr.register_pull_time_update_exclusion, principalArn=arn)
    assert code == "InvalidParameterException"
    assert "principalArn" in message


def test_a_registry_has_at_most_100_exclusions_in_pages(ecr):
    arns = [f"arn:aws:iam::000000000000:user/u{number:03}" for number in range(100)]
    for arn in arns:
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=SCANNER)[0] == "LimitExceededException"
    first = ecr.list_pull_time_update_exclusions(maxResults=60)
    second = ecr.list_pull_time_update_exclusions(maxResults=60, nextToken=first["nextToken"])
    assert first["pullTimeUpdateExclusions"] + second["pullTimeUpdateExclusions"] == arns
    assert "nextToken" not in second


def test_exclusions_belong_to_an_account_in_a_region(ecr, ecr_of):
    ecr.register_pull_time_update_exclusion(principalArn=SCANNER)
    assert listed(ecr_of("111122223333")) == []
    assert listed(ecr_of(region="eu-west-1")) == []


def test_pulls_of_an_excluded_principal_are_not_recorded(plane, ecr, ecr_of, clock):
    user = "arn:aws:iam::000000000000:user/ci"
    plane.identities.keys["AKIACI"] = AccessKey("000000000000", user, "secret")
    ci = ecr_of("AKIACI")
    ecr.create_repository(repositoryName="team/app")
    put_image(ecr, "team/app", an_image(), "v1")
    ecr.register_pull_time_update_exclusion(principalArn=user)
    ci.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    described = ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert "lastRecordedPullTime" not in described
    ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    described = ecr.describe_images(repositoryName="team/app")["imageDetails"][0]
    assert described["lastRecordedPullTime"] == clock.now()


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("arn:aws:sts::000000000000:assumed-role/scanner/session", True),
        ("arn:aws:sts::111122223333:assumed-role/scanner/session", False),
        ("arn:aws:sts::000000000000:assumed-role/scanner2/session", False),
        ("arn:aws:iam::000000000000:user/path/ci", True),
        ("arn:aws:iam::000000000000:role/tools/scanner", True),
        (ROOT, False),
        ("", False),
    ],
)
def test_a_session_is_excluded_with_its_role(principal, expected):
    exclusions = ["arn:aws:iam::000000000000:role/tools/scanner", "arn:aws:iam::000000000000:user/path/ci"]
    assert is_excluded(principal, exclusions) is expected
