"""Conditions: every operator on keys with one value, many values, or none."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from ecr_emulator.domain.access.comparisons import COMPARISONS
from ecr_emulator.domain.access.request import Principal
from tests.support.access import (
    ALICE,
    HERE,
    PULL,
    REPOSITORY,
    SESSION,
    THERE,
    allow,
    ask,
    deny,
    grant,
    policy,
    statement,
)

KEY = "aws:Key"
NEGATED = {name for name, (_, is_negated) in COMPARISONS.items() if is_negated}


def holds(operator, wanted, *values, context=None, **members):
    """Return whether a request with these values for a key fulfils a condition on the key."""
    allowing = policy(statement(Condition={operator: {KEY: wanted}}), **members)
    return ask(identity=(allowing,), context={"AWS:key": values} | (context or {})).is_allowed


NUMBERS = ["3", "3.0", "+3", "03", "3e0", "3."]
TABLE = [
    ("StringEquals", "team", "team", True),
    ("StringEquals", "team", "Team", False),
    ("StringEquals", "te*", "team", False),
    ("StringEquals", "te*", "te*", True),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", [], "b", False),
    ("StringEquals", True, "true", True),
    ("StringEquals", 12, "12", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", ["a", "b"], "c", True),
    ("StringEqualsIgnoreCase", "Team", "tEAM", True),
    ("StringEqualsIgnoreCase", "Team", "teams", False),
    ("StringNotEqualsIgnoreCase", "Team", "tEAM", False),
    ("StringLike", "te?m-*", "team-a", True),
    ("StringLike", "te?m-*", "Team-a", False),
    ("StringLike", ["x", "*"], "", True),
    ("StringNotLike", "te*", "team", False),
    ("StringNotLike", ["x*", "y*"], "team", True),
    *(("NumericEquals", number, "3", True) for number in [3, 3.0, *NUMBERS]),
    *(("NumericEquals", 3, number, True) for number in NUMBERS),
    ("NumericEquals", 3, "three", False),
    ("NumericEquals", "three", "three", False),
    ("NumericEquals", "nan", "nan", False),
    ("NumericEquals", "inf", "inf", False),
    ("NumericEquals", "1_0", "1_0", False),
    ("NumericNotEquals", 3, "4", True),
    ("NumericNotEquals", [3, 4], "4", False),
    ("NumericLessThan", 10, "9.5", True),
    ("NumericLessThan", 10, "10", False),
    ("NumericLessThanEquals", 10, "10", True),
    ("NumericGreaterThan", 10, "9", False),
    ("NumericGreaterThan", 10, "100", True),
    ("NumericGreaterThanEquals", -1, "-1", True),
    ("DateEquals", "2026-01-31T12:00:00Z", "1769860800", True),
    ("DateEquals", 1769860800, "2026-01-31T13:00:00+01:00", True),
    ("DateEquals", "2026-01-31", "2026-01-31T00:00:00", True),
    ("DateEquals", "yesterday", "yesterday", False),
    ("DateNotEquals", "2026-01-31", "2026-02-01", True),
    ("DateLessThan", "2026-01-31T12:00:00Z", "2026-01-31T11:59:59.999Z", True),
    ("DateLessThan", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z", False),
    ("DateLessThanEquals", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z", True),
    ("DateGreaterThan", "2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z", True),
    ("DateGreaterThan", "2026-01-31T12:00:00Z", "soon", False),
    ("DateGreaterThanEquals", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z", True),
    ("Bool", "true", "true", True),
    ("Bool", True, "True", True),
    ("Bool", "false", "true", False),
    ("Bool", "yes", "yes", False),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "Qmlu", False),
    ("BinaryEquals", "no base64", "no base64", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.200", True),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "203.0.113.9/24", "203.0.113.200", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.1", False),
    ("IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("IpAddress", "10.0.0.0/8", "2001:db8::1", False),
    ("IpAddress", "anywhere", "10.0.0.1", False),
    ("IpAddress", "0.0.0.0/0", "localhost", False),
    ("NotIpAddress", "10.0.0.0/8", "10.0.0.1", False),
    ("NotIpAddress", ["10.0.0.0/8", "192.168.0.0/16"], "203.0.113.1", True),
    ("ArnEquals", "arn:aws:iam::*:user/teams/*", ALICE, True),
    ("ArnEquals", ALICE, ALICE, True),
    ("ArnLike", "arn:aws:iam::1111111111?1:user/*", ALICE, True),
    ("ArnLike", "arn:aws:iam::*:role/*", ALICE, False),
    ("ArnLike", "*", ALICE, True),
    ("ArnLike", "ARN:aws:iam::*:user/*", ALICE, False),
    ("ArnNotEquals", "arn:aws:iam::*:user/*", ALICE, False),
    ("ArnNotLike", "arn:aws:iam::*:role/*", ALICE, True),
]


@pytest.mark.parametrize(("operator", "wanted", "value", "expected"), TABLE)
def test_an_operator_compares(operator, wanted, value, expected):
    assert holds(operator, wanted, value) is expected


def test_a_time_without_a_zone_is_in_utc_wherever_the_emulator_runs(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert holds("DateEquals", "2026-01-31T12:00:00", "2026-01-31T12:00:00Z")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_table_has_every_operator():
    assert {row[0] for row in TABLE} == set(COMPARISONS)


@pytest.mark.parametrize("operator", COMPARISONS)
def test_without_the_key_only_a_negation_holds(operator):
    assert holds(operator, "true") is (operator in NEGATED)
    assert holds(f"{operator}IfExists", "true")
    assert holds(f"ForAllValues:{operator}", "true")
    assert not holds(f"ForAnyValue:{operator}", "true")
    assert holds(f"ForAnyValue:{operator}IfExists", "true")


@pytest.mark.parametrize("operator", COMPARISONS)
def test_if_exists_changes_nothing_for_a_key_that_is_there(operator):
    for wanted, value in (("1", "1"), ("1", "2"), ("x", "y"), ("true", "true")):
        assert holds(f"{operator}IfExists", wanted, value) is holds(operator, wanted, value)


@pytest.mark.parametrize(
    ("wanted", "values", "expected"),
    [
        ("true", (), True),
        ("false", (), False),
        ("true", ("x",), False),
        (False, ("x",), True),
        (["true", "false"], (), True),
        ([True, False], ("x",), True),
    ],
)
def test_null_asks_whether_a_key_is_missing(wanted, values, expected):
    assert holds("Null", wanted, *values) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", "a", True),
        ("ForAllValues:StringEquals", "ab", True),
        ("ForAllValues:StringEquals", "abc", False),
        ("ForAnyValue:StringEquals", "xb", True),
        ("ForAnyValue:StringEquals", "xy", False),
        ("ForAllValues:StringNotEquals", "xy", True),
        ("ForAllValues:StringNotEquals", "xa", False),
        ("ForAnyValue:StringNotEquals", "xa", True),
        ("ForAnyValue:StringNotEquals", "ab", False),
        ("StringEquals", "xb", True),
        ("StringNotEquals", "xb", False),
        ("StringNotEquals", "xy", True),
    ],
)
def test_a_key_with_many_values(operator, values, expected):
    assert holds(operator, ["a", "b"], *values) is expected


def test_all_keys_and_all_operators_of_a_condition_must_hold():
    condition = {"StringEquals": {"aws:a": "1", "aws:b": ["1", "2"]}, "Bool": {"aws:SecureTransport": "true"}}
    full = {"aws:a": ("1",), "aws:b": ("2",), "aws:SecureTransport": ("true",)}
    assert ask(identity=(allow(Condition=condition),), context=full).is_allowed
    for key in full:
        assert not ask(identity=(allow(Condition=condition),), context=full | {key: ("3",)}).is_allowed


# --- Variables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "${aws:username}", "alice", True),
        ("StringEquals", "${AWS:UserName}", "alice", True),
        ("StringEquals", "${aws:username}", "bob", False),
        ("StringEquals", "${aws:nobody}", "", False),
        ("StringNotEquals", "${aws:nobody}", "alice", True),
        ("StringEquals", "${aws:nobody, 'alice'}", "alice", True),
        ("StringEquals", "${aws:username, 'bob'}", "alice", True),
        ("StringEquals", "${aws:nobody,''}x", "x", True),
        ("StringEquals", "${aws:many}", "a", False),
        ("StringEqualsIgnoreCase", "${aws:username}", "ALICE", True),
        ("StringEqualsIgnoreCase", "${aws:PrincipalTag/Team}", "blue*", True),
        ("StringLike", "home/${aws:username}/*", "home/alice/x", True),
        ("StringLike", "${aws:PrincipalTag/Team}", "blue*", True),
        ("StringLike", "${aws:PrincipalTag/Team}", "blues", False),
        ("StringLike", "a${*}b${?}c${$}", "a*b?c$", True),
        ("StringLike", "a${*}b", "axb", False),
        ("StringEquals", "${aws:username", "${aws:username", True),
        ("StringEquals", "${}", "${}", True),
        ("ArnLike", "arn:aws:iam::${aws:PrincipalAccount}:user/*", ALICE, True),
        ("NumericEquals", "${aws:number}", "3", False),
        ("IpAddress", "${aws:address}", "10.0.0.1", False),
    ],
)
def test_variables_stand_for_keys_that_have_one_value(operator, wanted, value, expected):
    context = {
        "aws:username": ("alice",),
        "aws:PrincipalTag/Team": ("blue*",),
        "aws:many": ("a", "b"),
        "aws:number": ("3",),
        "aws:address": ("10.0.0.1",),
    }
    assert holds(operator, wanted, value, context=context) is expected


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_the_older_version_of_the_language_has_no_variables(version):
    context = {"aws:username": ("alice",)}
    assert not holds("StringEquals", "${aws:username}", "alice", context=context, Version=version)
    assert holds("StringEquals", "${aws:username}", "${aws:username}", context=context, Version=version)
    assert holds("StringLike", "a${*}", "a${b}", Version=version)


# --- Keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "key", "value"),
    [
        (ALICE, "aws:PrincipalArn", ALICE),
        (SESSION, "aws:PrincipalArn", f"arn:aws:iam::{HERE}:role/ci/builder"),
        (f"arn:aws:sts::{HERE}:assumed-role/deployer/x", "aws:PrincipalArn", f"arn:aws:iam::{HERE}:role/deployer"),
        (ALICE, "aws:PrincipalAccount", HERE),
        (ALICE, "aws:ResourceAccount", HERE),
        (ALICE, "aws:PrincipalType", "User"),
        (SESSION, "aws:PrincipalType", "AssumedRole"),
        (f"arn:aws:sts::{HERE}:federated-user/carol", "aws:PrincipalType", "FederatedUser"),
        (ALICE, "aws:PrincipalIsAWSService", "false"),
    ],
)
def test_some_keys_follow_from_the_request(principal, key, value):
    condition = {"StringEquals": {key: value}}
    assert ask(principal, identity=(allow(Condition=condition),)).is_allowed


def test_keys_are_found_in_any_case():
    condition = {"StringEquals": {"AWS:principaltag/TEAM": "blue"}}
    assert ask(identity=(allow(Condition=condition),), context={"aws:PrincipalTag/Team": ("blue",)}).is_allowed


@pytest.mark.parametrize(
    ("condition", "context"),
    [
        ({"StringEquals": {"aws:ResourceTag/env": "${aws:PrincipalTag/env}"}}, {"aws:ResourceTag/env": ("dev",)}),
        ({"StringEquals": {"ecr:ResourceTag/env": "dev"}}, {"ecr:ResourceTag/env": ("dev",)}),
        ({"StringEquals": {"aws:RequestTag/env": ["dev", "test"]}}, {"aws:RequestTag/env": ("dev",)}),
        (
            {"ForAllValues:StringLike": {"aws:TagKeys": ["env", "team-*"]}, "Null": {"aws:TagKeys": "false"}},
            {"aws:TagKeys": ("env", "team-a")},
        ),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-123"}}, {"aws:PrincipalOrgID": ("o-123",)}),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:SourceIp": ("10.1.2.3",)}),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": ("true",)}),
        ({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}, {"aws:RequestedRegion": ("eu-central-1",)}),
        ({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}, {"aws:CurrentTime": ("2026-06-01T00:00:00+00:00",)}),
        ({"NumericLessThan": {"aws:EpochTime": 1800000000}}, {"aws:EpochTime": ("1700000000",)}),
        ({"StringLike": {"aws:UserAgent": "docker/*"}}, {"aws:UserAgent": ("docker/28.0 go/go1.23",)}),
        ({"StringEquals": {"aws:userid": "AIDA1"}}, {"aws:userid": ("AIDA1",)}),
        ({"Bool": {"aws:ViaAWSService": False}}, {"aws:ViaAWSService": ("false",)}),
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:*:function:*"}},
            {"aws:SourceArn": (f"arn:aws:lambda:eu-central-1:{HERE}:function:f:v1",)},
        ),
        ({"StringEquals": {"aws:SourceAccount": THERE}}, {"aws:SourceAccount": (THERE,)}),
    ],
)
def test_conditions_of_common_policies(condition, context):
    context = {"aws:PrincipalTag/env": ("dev",)} | context
    assert ask(identity=(allow(Condition=condition),), context=context).is_allowed
    assert not ask(identity=(allow(Condition=condition),), context={"aws:PrincipalTag/env": ("dev",)}).is_allowed
    assert not ask(identity=(allow(), deny(Condition=condition)), context=context).is_allowed


def test_an_unencrypted_request_is_denied_where_a_policy_says_so():
    insecure = deny(Sid="OnlyTls", Condition={"Bool": {"aws:SecureTransport": "false"}})
    policies = {"identity": (allow(), insecure)}
    assert ask(**policies, context={"aws:SecureTransport": ("true",)}).is_allowed
    refused = ask(**policies, context={"aws:SecureTransport": ("false",)})
    assert refused.sentence == (
        f"User: {ALICE} is not authorized to perform: {PULL} on resource: {REPOSITORY} "
        "with an explicit deny in an identity-based policy"
    )


def test_the_page_lists_the_keys_that_follow_from_principal_and_resource():
    page = (Path(__file__).parents[2] / "docs" / "condition-keys.md").read_text(encoding="utf-8")
    section = page.split("## From the principal and the resource")[1].split("\n## ")[0]
    told = re.findall(
        r"^\| `(\S+)` \| .+ \| (always|the caller is no service|the caller is a service) \|$", section, re.M
    )
    assert len(told) == 6
    service = Principal.of_service("lambda.amazonaws.com")
    for key, there_when in told:
        there = allow(Condition={"Null": {key: "false"}})
        granted = grant("*", Condition={"Null": {key: "false"}})
        assert ask(identity=(there,)).is_allowed is (there_when != "the caller is a service")
        assert ask(service, resource_policies=(granted,)).is_allowed is (there_when != "the caller is no service")
