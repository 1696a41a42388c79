"""Policies that cannot be parsed: the reason is reported, and the evaluation never raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.access.document import read_document
from ecr_emulator.domain.access.evaluate import Kind
from ecr_emulator.domain.access.policies import NamedPolicy
from tests.support.access import ALICE, allow, ask, statement


def defect(document, *, names_principals=False):
    text = document if isinstance(document, str) else json.dumps(document)
    return read_document(text, names_principals=names_principals).defect


def of(**elements):
    return {"Version": "2012-10-17", "Statement": statement(**elements)}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "Expecting value"),
        ("{", "Expecting property name"),
        ('{"Statement": [], "Statement": []}', "a key comes twice"),
        ("[" * 100_000, "recursion"),
        ([], "it is not an object"),
        ({}, "it has no Statement"),
        ({"Statement": []}, "it has no Statement"),
        ({"Statement": ["Allow"]}, "it has no Statement"),
        ({"Version": "2020-01-01", "Statement": statement()}, "Version '2020-01-01' is not 2008-10-17 or 2012-10-17"),
        ({"Version": ["2012-10-17"], "Statement": statement()}, "Version ['2012-10-17'] is not"),
        ({"Statements": statement()}, "'Statements' does not belong there"),
        (of(Effect="allow"), "statement 1: its Effect is neither Allow nor Deny"),
        (of(Sid="Mine", Effect=None), "statement 'Mine': its Effect"),
        (of(Sid=["Mine"]), "its Sid is not text"),
        (of(Actions="*"), "'Actions' does not belong there"),
        (of(Principal="*"), "'Principal' does not belong there"),
        (of(Action=None), "it needs either Action or NotAction"),
        (of(NotAction="*"), "it needs either Action or NotAction"),
        (of(Action=[]), "its Action is not text or a list of it"),
        (of(Action=[1]), "its Action is not text or a list of it"),
        (of(Resource=None), "it needs either Resource or NotResource"),
        (of(Resource={"a": "b"}), "its Resource is not text or a list of it"),
        (of(Condition=[]), "its Condition is not an object"),
        (of(Condition={"StringEquals": "a"}), "its condition StringEquals is not an object"),
        (of(Condition={"StringEquelz": {"a": "b"}}), "'StringEquelz' is not a condition operator"),
        (of(Condition={"ForSomeValues:StringEquals": {"a": "b"}}), "is not a condition operator"),
        (of(Condition={"NullIfExists": {"a": "true"}}), "'NullIfExists' is not a condition operator"),
        (of(Condition={"StringEquals": {"a": None}}), "neither text nor number nor truth value"),
        (of(Condition={"StringEquals": {"a": [["b"]]}}), "neither text nor number nor truth value"),
        (of(Condition={"Null": {"a": "maybe"}}), "'maybe' is neither true nor false"),
    ],
)
def test_an_invalid_policy_of_an_identity_is_reported(document, said):
    assert said in defect(document)


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ({}, "it needs either Principal or NotPrincipal"),
        ({"Principal": "*", "NotPrincipal": "*"}, "it needs either Principal or NotPrincipal"),
        ({"Principal": "alice"}, "its Principal is neither '*' nor an object"),
        ({"Principal": {}}, "its Principal is neither '*' nor an object"),
        ({"Principal": {"AWS": [1]}}, "its Principal has a name that is no text"),
        ({"Principal": "*", "Resource": []}, "its Resource is not text or a list of it"),
    ],
)
def test_an_invalid_policy_of_a_resource_is_reported(elements, said):
    assert said in defect(of(**elements), names_principals=True)


def test_every_statement_is_read_and_the_wrong_one_is_named():
    wrong = {"Statement": [statement(), statement(Sid="Typo", Efect="Allow"), statement()]}
    assert defect(wrong) == "statement 'Typo': 'Efect' does not belong there"


def test_a_policy_of_a_resource_need_not_name_it():
    assert not defect(of(Principal="*", Resource=None), names_principals=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ODD = st.sampled_from(
    [
        "*",
        "ecr:*",
        "Allow",
        "${",
        "${a, 'b",
        "arn:::::",
        "2026-13-45",
        "1e999",
        "::/0",
        "::1%eth0",
        "====",
        "\0",
        "\ud800",
        ALICE,
    ]
)
VALUES = st.recursive(JSON | ODD, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
OPERATORS = st.sampled_from(
    ["Null", "StringLike", "ArnLike", "NumericEquals", "DateLessThan", "IpAddress", "BinaryEquals", "Bool"]
)
CONDITIONS = st.dictionaries(
    OPERATORS | st.text(max_size=4),
    st.dictionaries(st.just("k") | st.text(max_size=4), VALUES, max_size=2) | JSON,
    max_size=3,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": VALUES, "Resource": VALUES},
    optional={
        "Principal": VALUES | st.dictionaries(st.sampled_from(["AWS", "Service"]), VALUES),
        "Condition": CONDITIONS,
        "Sid": VALUES,
    },
)
DOCUMENTS = (
    st.fixed_dictionaries(
        {"Statement": STATEMENTS | st.lists(STATEMENTS, max_size=3) | JSON}, optional={"Version": VALUES}
    )
    | JSON
)


@given(
    st.builds(json.dumps, DOCUMENTS) | st.text(max_size=20),
    st.sampled_from(["identity", "boundary", "session", "resource_policies"]),
    st.lists(ODD, max_size=2),
)
def test_any_policy_can_be_evaluated(text, source, values):
    odd = NamedPolicy("odd", text)
    policies = {"identity": (allow(),), source: odd if source == "boundary" else (odd,)}
    decision = ask(**policies, context={"k": tuple(values)})
    assert decision.reason
    assert bool(decision.sentence) is not decision.is_allowed
    assert decision.is_allowed is (decision.kind is Kind.EXPLICIT_ALLOW)


@given(ODD | st.text(), ODD | st.text(), ODD | st.text())
def test_any_request_can_be_evaluated(principal, action, resource):
    assert ask(principal, action=action, resource=resource, identity=(allow(),)).reason
