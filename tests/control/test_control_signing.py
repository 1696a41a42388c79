"""Managed signing through boto3."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

REGION = "us-east-1"
PROFILE = f"arn:aws:signer:{REGION}:000000000000:/signing-profiles/first"
OTHER = f"arn:aws:signer:{REGION}:111122223333:/signing-profiles/second"


@pytest.fixture
def background_delay():
    return timedelta(seconds=5)


def rule(profile=PROFILE, *filters):
    described = [{"filter": each, "filterType": "WILDCARD_MATCH"} for each in filters]
    return {"signingProfileArn": profile} | ({"repositoryFilters": described} if filters else {})


def put(client, *rules):
    return client.put_signing_configuration(signingConfiguration={"rules": list(rules)})["signingConfiguration"]


def statuses(client, digest, name="team/app"):
    answer = client.describe_image_signing_status(repositoryName=name, imageId={"imageDigest": digest})
    assert (answer["repositoryName"], answer["imageId"]) == (name, {"imageDigest": digest})
    return [(each["signingProfileArn"], each["status"]) for each in answer["signingStatuses"]]


def test_a_configuration_is_stored_returned_and_deleted(ecr):
    configuration = {"rules": [rule(), rule(OTHER, "team/*", "*")]}
    assert put(ecr, *configuration["rules"]) == configuration
    answer = ecr.get_signing_configuration()
    assert (answer["registryId"], answer["signingConfiguration"]) == ("000000000000", configuration)
    answer = ecr.delete_signing_configuration()
    assert (answer["registryId"], answer["signingConfiguration"]) == ("000000000000", configuration)


def test_an_absent_signing_configuration_is_not_found(ecr):
    expected = ("SigningConfigurationNotFoundException", "The specified signing configuration was not found.")
    assert refusal(ecr.get_signing_configuration) == expected
    assert refusal(ecr.delete_signing_configuration) == expected


def test_a_profile_must_be_of_the_registrys_region(ecr):
    profile = PROFILE.replace(REGION, "us-west-2")
    assert refusal(ecr.put_signing_configuration, signingConfiguration={"rules": [rule(profile)]}) == (
        "InvalidParameterException",
        "Invalid parameter at 'signingProfileArn' failed to satisfy constraint: "
        f"'The region of signing profile ARN '{profile}' is 'us-west-2' but must be 'us-east-1' (the current region)'",
    )


@pytest.mark.parametrize(
    "rules",
    [
        [rule()] * 11,
        [rule("arn:aws:signer:us-east-1:000000000000:/signing-profiles/a")],
        [rule(PROFILE, "Team")],
        [rule(PROFILE, *["a"] * 101)],
        [{"signingProfileArn": PROFILE, "repositoryFilters": []}],
    ],
)
def test_rules_have_limits_and_patterns(ecr, rules):
    assert refusal(ecr.put_signing_configuration, signingConfiguration={"rules": rules})[0] == (
        "InvalidParameterException"
    )


def test_configurations_belong_to_an_account_in_a_region(ecr, ecr_of):
    put(ecr, rule())
    assert refusal(ecr_of("111122223333").get_signing_configuration)[0] == "SigningConfigurationNotFoundException"
    assert refusal(ecr_of(region="eu-west-1").get_signing_configuration)[0] == "SigningConfigurationNotFoundException"


def test_an_image_that_no_rule_matches_has_no_statuses(ecr):
    put(ecr, rule(PROFILE, "other*"))
    ecr.create_repository(repositoryName="team/app")
    assert statuses(ecr, put_image(ecr, "team/app", an_image(), "v1")) == []


def test_a_push_is_signed_once_for_each_profile(ecr, clock):
    put(ecr, rule(), rule(OTHER, "team/*"), rule(PROFILE, "*app"))
    ecr.create_repository(repositoryName="team/app")
    digest = put_image(ecr, "team/app", an_image(), "v1")
    assert statuses(ecr, digest) == [(PROFILE, "IN_PROGRESS"), (OTHER, "IN_PROGRESS")]
    clock.advance(timedelta(seconds=5))
    assert statuses(ecr, digest) == [(PROFILE, "FAILED"), (OTHER, "FAILED")]
    answer = ecr.describe_image_signing_status(repositoryName="team/app", imageId={"imageTag": "v1"})
    assert answer["signingStatuses"][0]["failureReason"] == f"The signing profile {PROFILE} does not exist."


def test_a_signature_is_not_signed(ecr):
    put(ecr, rule())
    ecr.create_repository(repositoryName="team/app")
    signature = an_image("signature", artifactType="application/vnd.cncf.notary.signature")
    assert json.loads(signature.raw)["artifactType"]
    assert statuses(ecr, put_image(ecr, "team/app", signature)) == []


def test_the_status_of_an_absent_image_is_not_found(ecr):
    assert refusal(ecr.describe_image_signing_status, repositoryName="team/app", imageId={"imageTag": "v1"})[0] == (
        "RepositoryNotFoundException"
    )
    ecr.create_repository(repositoryName="team/app")
    for image_id, code in [({"imageTag": "v1"}, "ImageNotFoundException"), ({}, "InvalidParameterException")]:
        refused = refusal(ecr.describe_image_signing_status, repositoryName="team/app", imageId=image_id)
        assert refused[0] == code
