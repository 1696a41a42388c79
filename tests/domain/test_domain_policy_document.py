"""Policy documents: valid and invalid ones, their canonical text, and the principals that they lock out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.policy_document import locks_out, read_registry_policy, read_repository_policy
from ecr_emulator.errors import InvalidParameterException

HERE = Registry("000000000000", "us-east-1")
ACCOUNT = f"arn:aws:iam::{HERE.id}:root"
USER = f"arn:aws:iam::{HERE.id}:user/teams/alice"
BUILDER = f"arn:aws:iam::{HERE.id}:role/service-role/builder"
SESSION = f"arn:aws:sts::{HERE.id}:assumed-role/builder/run-1"
STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
READERS = [(read_repository_policy, "repository"), (read_registry_policy, "registry")]


def policy(statement=STATEMENT, **members):
    return json.dumps({"Version": "2008-10-17", "Statement": [statement], **members})


def statement(**elements):
    """Return the default statement with some elements changed, and without elements that are given as None."""
    return {name: value for name, value in (STATEMENT | elements).items() if value is not None}


def fit(elements, kind):
    """Return the elements of a statement for this kind of policy. Statements for a registry name resources."""
    return elements if kind == "repository" else {"Resource": "*"} | elements


def read(text, registry=HERE):
    return read_repository_policy(text, registry)


def refuses(reader, kind, text):
    with pytest.raises(InvalidParameterException) as refusal:
        reader(text, HERE)
    sentence = f"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid {kind} policy provided'"
    return refusal.value.message == sentence


@pytest.mark.parametrize("members", [{}, {"Version": "2008-10-17"}, {"Version": "2012-10-17", "Id": "mine"}])
def test_a_version_and_an_id_may_be_given(members):
    sent = {"Statement": [STATEMENT], **members}
    assert json.loads(read(json.dumps(sent)).text) == {"Version": "2008-10-17", **sent}


@pytest.mark.parametrize(
    "elements",
    [
        {"Sid": "allow public pull"},
        {"Effect": "Deny"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": [ACCOUNT, USER, SESSION], "Service": "lambda.amazonaws.com"}},
        {"Principal": {"AWS": f"arn:aws:iam::{HERE.id}:role/service-role/builder"}},
        {"Principal": {"AWS": f"arn:aws:sts::{HERE.id}:federated-user/bob"}},
        {"Principal": {"AWS": "AROAEXAMPLEEXAMPLE123"}},
        {"Principal": {"Federated": f"arn:aws:iam::{HERE.id}:saml-provider/office"}},
        {"Principal": None, "NotPrincipal": {"AWS": USER}},
        {"Action": "*"},
        {"Action": ["ecr:*", "ecr:Batch*", "ECR:GetDownload???ForLayer"]},
        {"Action": None, "NotAction": "ecr:PutImage"},
        {"Condition": {}},
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalTag/my team": ["a", "b"]}}},
        {"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:PrincipalOrgPaths": []}}},
        {"Condition": {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3.5}}},
        {"Condition": {"Null": {"aws:TokenIssueTime": "true"}, "NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
    ],
)
def test_a_statement_may_have(elements):
    for reader, kind in READERS:
        given = fit(statement(**elements), kind)
        assert json.loads(reader(policy(given), HERE).text) == json.loads(policy(given))


@pytest.mark.parametrize(
    "elements",
    [
        {"Sid": 1},
        {"Effect": None},
        {"Effect": "allow"},
        {"Effect": ["Allow"]},
        {"Principal": None},
        {"Principal": "arn:aws:iam::000000000000:root"},
        {"Principal": ["*"]},
        {"Principal": {}},
        {"Principal": {"AWS": []}},
        {"Principal": {"AWS": {}}},
        {"Principal": {"AWS": "12345"}},
        {"Principal": {"AWS": 123456789012}},
        {"Principal": {"AWS": "arn:aws:iam::000000000000:*"}},
        {"Principal": {"AWS": "arn:aws:iam::0000:user/bob"}},
        {"Principal": {"AWS": "arn:aws:iam::000000000000:group/all"}},
        {"Principal": {"AWS": "arn:aws:iam::000000000000:root\n"}},
        {"Principal": {"AWS": "arn:aws:sts::000000000000:assumed-role/builder"}},
        {"Principal": {"Service": "*"}},
        {"Principal": {"Federated": "arn:aws:iam::000000000000:user/bob"}},
        {"Principal": {"Everyone": "*"}},
        {"NotPrincipal": "*"},
        {"Action": None},
        {"Action": []},
        {"Action": [["ecr:*"]]},
        {"Action": ["ecr:*", "s3:GetObject"]},
        {"Action": "ecr:"},
        {"Action": "BatchGetImage"},
        {"NotAction": "ecr:PutImage"},
        {"Condition": []},
        {"Condition": {"StringIsLike": {"aws:username": "bob"}}},
        {"Condition": {"StringEquals": "bob"}},
        {"Condition": {"StringEquals": {"username": "bob"}}},
        {"Condition": {"StringEquals": {"aws:username": None}}},
        {"Condition": {"StringEquals": {"aws:username": [["bob"]]}}},
        {"Comment": "why"},
    ],
)
def test_a_statement_may_not_have(elements):
    for reader, kind in READERS:
        assert refuses(reader, kind, policy(fit(statement(**elements), kind)))


NAMING = [
    {"Resource": "*"},
    {"Resource": ["arn:aws:ecr:us-east-1:000000000000:repository/web/*", "arn:*:ecr:*:*:repository/*"]},
    {"NotResource": "arn:aws:ecr:us-east-1:000000000000:repository/web"},
]
NAMING_WRONGLY = [
    {},
    {"Resource": []},
    {"Resource": None},
    {"Resource": "web"},
    {"Resource": "arn:aws:s3:::bucket"},
    {"Resource": "arn:aws:ecr:us-east-1:000000000000"},
    {"Resource": "arn:aws:ecr:us-east-1:000000000000:repository/"},
    {"Resource": "*", "NotResource": "*"},
]


@pytest.mark.parametrize("elements", NAMING)
def test_a_registry_policy_names_resources(elements):
    assert read_registry_policy(policy(STATEMENT | elements), HERE).statements == [STATEMENT | elements]


@pytest.mark.parametrize("elements", NAMING_WRONGLY)
def test_a_registry_policy_names_resources_of_ecr(elements):
    assert refuses(read_registry_policy, "registry", policy(STATEMENT | elements))


@pytest.mark.parametrize("elements", [each for each in NAMING + NAMING_WRONGLY if each])
def test_a_repository_policy_is_about_its_repository_and_names_none(elements):
    assert refuses(read_repository_policy, "repository", policy(STATEMENT | elements))
    other_is_fine = json.dumps({"Statement": [STATEMENT, STATEMENT | elements]})
    assert refuses(read_repository_policy, "repository", other_is_fine)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "no json",
        "null",
        "[]",
        "1" * 10_000,
        "{}",
        '{"Statement": []}',
        '{"Statement": null}',
        '{"Statement": [[]]}',
        policy(Version="2024-01-01"),
        policy(Version=["2012-10-17"]),
        policy(Version=None),
        policy(Id=1),
        policy(Comment="why"),
        policy()[:-1],
        policy() + policy(),
        policy().replace('"Effect"', '"Effect": "Deny", "Effect"'),
        policy(statement(Sid="\ud800")),
        policy(statement(Condition={"NumericEquals": {"aws:x": float("nan")}})),
        policy(statement(Condition={"NumericEquals": {"aws:x": [1, float("-inf")]}})),
        policy(statement(Condition={"NumericEquals": {"aws:x": 17}})).replace("17", "1e999"),
        policy(statement(Condition={"NumericEquals": {"aws:x": 17}})).replace("17", "1" * 5_000),
        "[" * 100_000,
        '{"Statement":' * 100_000,
        policy(statement(Condition=17)).replace("17", '{"Bool":' * 100_000),
        policy(statement(Action=["s3:Get"] * 100_000)),
    ],
)
def test_an_invalid_policy_is_refused(text):
    for reader, kind in READERS:
        assert refuses(reader, kind, text)


def test_a_policy_is_printed_in_the_order_of_ecr():
    given = {
        "Statement": {
            "Condition": {
                "StringEquals": {"aws:username": ["zoé", 'a"b'], "aws:PrincipalOrgID": ["o-1"]},
                "Bool": {},
                "StringLike": {"aws:x": []},
            },
            "Action": ["ecr:BatchGetImage"],
            "Principal": {"Service": ["lambda.amazonaws.com"], "AWS": ["111122223333", USER, "*"]},
            "Effect": "Allow",
            "Sid": "",
        },
        "Id": "",
    }
    assert read(json.dumps(given)).text == (
        f"""{{
  "Version" : "2008-10-17",
  "Id" : "",
  "Statement" : [ {{
    "Sid" : "",
    "Effect" : "Allow",
    "Principal" : {{
      "Service" : "lambda.amazonaws.com",
      "AWS" : [ "arn:aws:iam::111122223333:root", "{USER}", "*" ]
    }},
    "Action" : "ecr:BatchGetImage",
    "Condition" : {{
      "StringEquals" : {{
        "aws:username" : [ "zoé", "a\\"b" ],
        "aws:PrincipalOrgID" : "o-1"
      }},
      "Bool" : {{ }},
      "StringLike" : {{
        "aws:x" : [ ]
      }}
    }}
  }} ]
}}"""
    )


def test_a_negated_element_is_printed_in_place_of_the_element():
    given = {
        "NotResource": [f"arn:aws:ecr:us-east-1:{HERE.id}:repository/web"],
        "NotAction": ["ecr:PutImage"],
        "NotPrincipal": {"AWS": [HERE.id]},
        "Effect": "Deny",
    }
    document = read_registry_policy(json.dumps({"Statement": given, "Version": "2012-10-17"}), HERE)
    assert document.text == (
        f"""{{
  "Version" : "2012-10-17",
  "Statement" : [ {{
    "Effect" : "Deny",
    "NotPrincipal" : {{
      "AWS" : "{ACCOUNT}"
    }},
    "NotAction" : "ecr:PutImage",
    "NotResource" : "arn:aws:ecr:us-east-1:{HERE.id}:repository/web"
  }} ]
}}"""
    )


def test_statements_are_printed_side_by_side():
    text = read(json.dumps({"Statement": [STATEMENT, STATEMENT]})).text
    one = '{\n    "Effect" : "Allow",\n    "Principal" : "*",\n    "Action" : "ecr:BatchGetImage"\n  }'
    assert text == f'{{\n  "Version" : "2008-10-17",\n  "Statement" : [ {one}, {one} ]\n}}'


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_account_ids_become_arns_of_the_partition(region, partition):
    given = statement(Principal=None, NotPrincipal={"AWS": "111122223333"})
    document = read(policy(given), Registry(HERE.id, region))
    assert document.statements[0]["NotPrincipal"] == {"AWS": f"arn:{partition}:iam::111122223333:root"}


def test_a_printed_policy_is_parsed_to_the_same_policy():
    document = read(policy(statement(Principal={"AWS": "111122223333"})))
    assert read(document.text) == document


def denial(**elements):
    return read(policy(statement(**({"Effect": "Deny", "Action": "ecr:SetRepositoryPolicy"} | elements))))


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Action": ["ecr:BatchGetImage", "ecr:Set*"]},
        {"Action": "ecr:*"},
        {"Action": "*"},
        {"Action": "ECR:setrepository??????"},
        {"Action": None, "NotAction": "ecr:BatchGetImage"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": [USER, SESSION]}},
        {"Principal": {"AWS": HERE.id}},
        {"Principal": {"AWS": [USER, BUILDER]}},
        {"Principal": None, "NotPrincipal": {"AWS": "111122223333"}},
        {"Principal": None, "NotPrincipal": {"AWS": HERE.id}},
        {"Condition": {}},
    ],
)
def test_a_caller_is_locked_out_by_a_denial(elements):
    assert locks_out(denial(**elements), USER)
    assert locks_out(denial(**elements), SESSION)


@pytest.mark.parametrize(
    "elements",
    [
        {"Effect": "Allow"},
        {"Action": "ecr:Get*"},
        {"Action": None, "NotAction": ["ecr:SetRepositoryPolicy", "ecr:BatchGetImage"]},
        {"Principal": {"AWS": "111122223333"}},
        {"Principal": {"AWS": f"arn:aws:iam::{HERE.id}:user/bob"}},
        {"Principal": {"AWS": f"arn:aws:iam::{HERE.id}:role/other-builder"}},
        {"Principal": {"AWS": "arn:aws:iam::111122223333:role/builder"}},
        {"Principal": {"AWS": "AROAEXAMPLEEXAMPLE123"}},
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {"Principal": None, "NotPrincipal": {"AWS": [HERE.id, USER, SESSION, BUILDER]}},
        {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}},
    ],
)
def test_a_caller_is_not_locked_out_by(elements):
    assert not locks_out(denial(**elements), USER)
    assert not locks_out(denial(**elements), SESSION)


def test_a_pattern_may_have_many_wildcards():
    assert not locks_out(denial(Action=f"ecr:{'*e?' * 3_000}"), USER)


def test_one_denial_among_many_statements_locks_out():
    allowed = STATEMENT | {"Action": "ecr:*"}
    denied = {"Effect": "Deny", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:Set*"}
    assert locks_out(read(json.dumps({"Statement": [allowed, denied]})), ACCOUNT)


# --- Arbitrary input -------------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
valid = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Principal": st.just("*"), "Action": st.just("ecr:*")},
    optional={"Sid": st.text()},
)
nearly = st.dictionaries(
    st.sampled_from(["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition"]),
    anything
    | st.sampled_from(["*", "Allow", "ecr:*", {"AWS": "*"}])
    | st.dictionaries(st.sampled_from(["AWS", "Service", "Bool", "StringEquals"]), anything),
)
documents = st.fixed_dictionaries(
    {}, optional={"Version": anything, "Id": anything, "Statement": valid | nearly | st.lists(valid | nearly)}
)


def is_read_or_refused(text):
    for reader, kind in READERS:
        try:
            document = reader(text, HERE)
        except InvalidParameterException:
            assert refuses(reader, kind, text)
        else:
            assert reader(document.text, HERE) == document
            locks_out(document, USER)


@given(st.text(st.characters()))
def test_any_text_is_read_or_refused(text):
    is_read_or_refused(text)


@given(anything | documents, st.booleans())
def test_any_json_is_read_or_refused(value, ensure_ascii):
    is_read_or_refused(json.dumps(value, ensure_ascii=ensure_ascii))


@given(st.lists(valid, min_size=1), st.sampled_from(["2008-10-17", "2012-10-17"]))
def test_a_parsed_policy_equals_the_sent_one(statements, version):
    sent = {"Version": version, "Statement": statements}
    assert json.loads(read(json.dumps(sent)).text) == sent
    on_all = {"Version": version, "Statement": [each | {"Resource": "*"} for each in statements]}
    assert json.loads(read_registry_policy(json.dumps(on_all), HERE).text) == on_all
