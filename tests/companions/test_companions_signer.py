"""AWS Signer, as far as tools create signing profiles with it."""

from __future__ import annotations

import pytest

from tests.support.boto import client_of
from tests.support.docker import ACCOUNT
from tests.support.refusals import refusal

NOTATION = "Notation-OCI-SHA384-ECDSA"


@pytest.fixture
def signer(shared_emulator):
    return client_of(shared_emulator, "signer", account=ACCOUNT)


def names(answer):
    return [profile["profileName"] for profile in answer["profiles"]]


def test_a_profile_is_described_as_it_was_put(signer):
    put = signer.put_signing_profile(profileName="team", platformId=NOTATION, tags={"a": "b"})
    described = signer.get_signing_profile(profileName="team")
    assert put["arn"] == f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/team"
    assert (described["arn"], described["profileVersion"]) == (put["arn"], put["profileVersion"])
    assert (described["platformId"], described["platformDisplayName"]) == (
        NOTATION,
        "Notation for Container Registries",
    )
    assert (described["status"], described["tags"]) == ("Active", {"a": "b"})
    assert described["signatureValidityPeriod"] == {"value": 135, "type": "MONTHS"}


@pytest.mark.parametrize("region", ["ap-northeast-3", "eu-central-2", "cn-north-1", "us-gov-west-1"])
def test_every_region_of_ecr_has_profiles(shared_emulator, region):
    signer = client_of(shared_emulator, "signer", account=ACCOUNT, region=region)
    arn = signer.put_signing_profile(profileName="team", platformId=NOTATION)["arn"]
    assert arn.split(":")[3] == region
    assert names(signer.list_signing_profiles()) == ["team"]


def test_profiles_are_listed_in_pages(signer):
    for number in range(30):
        signer.put_signing_profile(profileName=f"profile_{number:02}", platformId=NOTATION)
    everything = [f"profile_{number:02}" for number in range(30)]
    first = signer.list_signing_profiles()
    assert names(first) == everything[:25]
    assert names(signer.list_signing_profiles(nextToken=first["nextToken"])) == everything[25:]
    pages = signer.get_paginator("list_signing_profiles").paginate(PaginationConfig={"PageSize": 7})
    assert [name for page in pages for name in names(page)] == everything


def test_cancelled_profiles_are_listed_on_demand(signer):
    for name in ("first", "second"):
        signer.put_signing_profile(profileName=name, platformId=NOTATION)
    signer.put_signing_profile(profileName="functions", platformId="AWSLambda-SHA384-ECDSA")
    signer.cancel_signing_profile(profileName="second")
    assert names(signer.list_signing_profiles()) == ["first", "functions"]
    assert names(signer.list_signing_profiles(includeCanceled=True)) == ["first", "functions", "second"]
    assert names(signer.list_signing_profiles(statuses=["Canceled"])) == ["second"]
    assert names(signer.list_signing_profiles(platformId=NOTATION)) == ["first"]


def test_an_absent_profile_is_not_found(signer):
    for operation in (signer.get_signing_profile, signer.cancel_signing_profile):
        assert refusal(operation, profileName="absent") == (
            "ResourceNotFoundException",
            "The signing profile absent does not exist.",
        )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"platformId": "Notation"}, "The platform 'Notation' does not exist"),
        ({"profileName": "with-dash"}, "The profile name 'with-dash' must have"),
        ({"signatureValidityPeriod": {"value": 200, "type": "YEARS"}}, "a value of at most a hundred years"),
        ({"signatureValidityPeriod": {"value": 2, "type": "WEEKS"}}, "has a type"),
    ],
)
def test_a_wrong_profile_is_refused_with_what_is_right(signer, members, reason):
    code, sentence = refusal(signer.put_signing_profile, **{"profileName": "team", "platformId": NOTATION} | members)
    assert code == "ValidationException"
    assert reason in sentence
    assert signer.list_signing_profiles()["profiles"] == []
