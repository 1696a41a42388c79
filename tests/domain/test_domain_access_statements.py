"""Statements that name or exclude actions, resources and principals."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_emulator.domain.access.patterns import ArnPattern, Names, Pattern, arn_parts
from ecr_emulator.domain.access.request import Principal
from tests.support.access import ALICE, HERE, REPOSITORY, ROLE, ROOT, SESSION, THERE, allow, ask, deny, grant, policy

CAROL = f"arn:aws:sts::{HERE}:federated-user/carol"
SESSION_WITHOUT_ROLE = Principal.of_arn(SESSION)


def no_value(_):
    return None


# --- Actions -----------------------------------------------------------------------------------------------

ACTIONS = [
    ("ecr:BatchGetImage", True),
    ("ECR:batchgetimage", True),
    ("ecr:Batch*", True),
    ("ecr:*", True),
    ("*", True),
    ("*:*", True),
    ("ecr:?atchGetImage", True),
    ("ecr:*Image", True),
    ("ecr:B*t*e", True),
    ("ecr:BatchGetImag", False),
    ("ecr:BatchGetImage?", False),
    ("ecr:Get*", False),
    ("ecr-public:*", False),
    ("${*}", False),
    (["s3:*", "ecr:BatchGetImage"], True),
]


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_an_action_is_named_in_any_case_and_with_wildcards(action, expected):
    assert ask(identity=(allow(Action=action),)).is_allowed is expected


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_not_action_is_everything_else(action, expected):
    assert ask(identity=(allow(Action=None, NotAction=action),)).is_allowed is not expected
    assert ask(identity=(allow(), deny(Action=None, NotAction=action))).is_allowed is expected


# --- Resources ---------------------------------------------------------------------------------------------

RESOURCES = [
    (REPOSITORY, True),
    ("*", True),
    (f"arn:aws:ecr:eu-central-1:{HERE}:repository/*", True),
    (f"arn:aws:ecr:*:{HERE}:repository/team/*", True),
    (f"arn:aws:ecr:eu-*-1:{HERE}:repository/*/app", True),
    ("arn:*:ecr:*:*:repository/team/a??", True),
    ("arn:aws:ecr:*", True),
    ("arn:aws:ecr:*:repository/team/app", True),
    ("arn:aws*", True),
    ("arn:aws:ecr:*:*", True),
    (f"arn:aws:ecr:eu-central-1:{HERE}:*", True),
    (REPOSITORY.upper(), False),
    (f"{REPOSITORY}s", False),
    (f"arn:aws:ecr:eu-central-1:{THERE}:repository/team/app", False),
    (f"arn:aws:ecr:eu-*l-1:{HERE}:repository/team/App", False),
    ("arn:aws:ecr:e*1:repository/team/app", False),
    ("arn:aws:s3:*", False),
    ("arn:aws:ecr", False),
    ("arn:aws:ecr:eu-central-1", False),
    ("repository/team/app", False),
    ("arn:aws:ecr:*:*:repository/${aws:username}/app", False),
    ("arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/app", True),
    ("arn:aws:ecr:*:*:repository/${aws:nobody, 'team'}/*", True),
    ("arn:aws:ecr:*:*:repository/${aws:nobody}*", False),
    ("arn:aws:ecr:*:${aws:PrincipalAccount}:repository/*", False),
    (["arn:aws:s3:::bucket", REPOSITORY], True),
]


@pytest.mark.parametrize(("resource", "expected"), RESOURCES)
def test_a_resource_is_named_by_an_arn(resource, expected):
    context = {"aws:PrincipalTag/team": ("team",)}
    assert ask(identity=(allow(Resource=resource),), context=context).is_allowed is expected
    assert ask(identity=(allow(Resource=None, NotResource=resource),), context=context).is_allowed is not expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [("*", True), ("?", True), (REPOSITORY, False), ("arn:*", False), ("arn:aws:ecr:*:*:*", False)],
)
def test_only_a_wildcard_covers_an_action_without_resource(resource, expected):
    login = {"action": "ecr:GetAuthorizationToken", "resource": "*"}
    assert ask(**login, identity=(allow(Resource=resource),)).is_allowed is expected


def test_the_value_of_a_variable_is_no_pattern():
    own = allow(Resource="arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/app")
    assert not ask(identity=(own,), context={"aws:PrincipalTag/team": ("*",)}).is_allowed


# --- Principals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "principal", "expected"),
    [
        (ALICE, {"AWS": ALICE}, True),
        (ALICE, {"AWS": ALICE.replace("teams/", "")}, False),
        (ALICE, {"AWS": f"{ALICE[:-1]}*"}, False),
        (ALICE, {"AWS": ROLE}, False),
        (ALICE, {"AWS": "AIDAEXAMPLEEXAMPLE123"}, False),
        (ALICE, {"Service": "lambda.amazonaws.com"}, False),
        (ALICE, {"Federated": f"arn:aws:iam::{HERE}:saml-provider/office"}, False),
        (SESSION, {"AWS": ROLE}, True),
        (SESSION, {"AWS": SESSION}, True),
        (SESSION, {"AWS": SESSION.replace("run-1", "run-2")}, False),
        (SESSION, {"AWS": f"arn:aws:iam::{HERE}:role/deployer"}, False),
        (SESSION, {"AWS": ROLE.replace(HERE, THERE)}, False),
        (SESSION_WITHOUT_ROLE, {"AWS": ROLE}, True),
        (SESSION, {"AWS": ROLE.replace("ci/", "")}, True),
        (CAROL, {"AWS": CAROL}, True),
        (ROOT.replace(HERE, THERE), {"AWS": ROOT.replace(HERE, THERE)}, True),
        (Principal.of_service("lambda.amazonaws.com"), {"Service": ["x.amazonaws.com", "lambda.amazonaws.com"]}, True),
        (Principal.of_service("lambda.amazonaws.com"), "*", True),
        (Principal.of_service("lambda.amazonaws.com"), {"Service": "ecs.amazonaws.com"}, False),
    ],
)
def test_a_principal_is_named(asking, principal, expected):
    assert ask(asking, resource_policies=(grant(principal),)).is_allowed is expected


@pytest.mark.parametrize("principal", [{"AWS": HERE}, {"AWS": ROOT}, {"AWS": ["x", HERE]}])
def test_a_denial_for_an_account_applies_to_all_its_principals(principal):
    denying = (grant(principal, "Deny"),)
    for asking in (ALICE, SESSION, CAROL, ROOT):
        assert not ask(asking, identity=(allow(),), resource_policies=denying).is_allowed
    assert ask(ALICE, identity=(allow(),), resource_policies=(grant({"AWS": THERE}, "Deny"),)).is_allowed


@pytest.mark.parametrize(
    ("asking", "spared", "expected"),
    [
        (ALICE, [ALICE, ROOT], True),
        (ALICE, [ALICE, HERE], True),
        (ALICE, [ALICE], False),
        (ALICE, [ROOT], False),
        (SESSION, [SESSION, ROLE, ROOT], True),
        (SESSION, [SESSION, ROOT], False),
        (SESSION, [ROLE, ROOT], False),
        (ROOT, [ROOT], True),
        (ROOT, [ALICE], False),
        (ALICE, ["*"], True),
    ],
)
def test_a_denial_with_not_principal_spares_only_a_principal_named_with_role_and_account(asking, spared, expected):
    denying = grant(None, "Deny", NotPrincipal={"AWS": spared})
    assert ask(asking, identity=(allow(),), resource_policies=(denying,)).is_allowed is expected


def test_a_denial_with_not_principal_spares_no_principal_with_a_boundary():
    denying = grant(None, "Deny", NotPrincipal={"AWS": [ALICE, ROOT]})
    assert not ask(identity=(allow(),), boundary=allow(), resource_policies=(denying,)).is_allowed


@pytest.mark.parametrize(
    ("asking", "left_out", "expected"),
    [
        (ALICE, ALICE, False),
        (ALICE, ROOT, False),
        (SESSION, ROLE, False),
        (ALICE, SESSION, True),
        (SESSION, ALICE, True),
    ],
)
def test_an_allow_with_not_principal_excludes_a_principal_named_in_any_way(asking, left_out, expected):
    allowing = grant(None, NotPrincipal={"AWS": left_out})
    assert ask(asking, resource_policies=(allowing,)).is_allowed is expected


def test_a_service_is_spared_by_its_name():
    denying = grant(None, "Deny", NotPrincipal={"Service": "lambda.amazonaws.com"})
    policies = {"resource_policies": (grant("*"), denying)}
    assert ask(Principal.of_service("lambda.amazonaws.com"), **policies).is_allowed
    assert not ask(Principal.of_service("ecs.amazonaws.com"), **policies).is_allowed


# --- Patterns ----------------------------------------------------------------------------------------------


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=10))
@example("a*b*", "ab")
def test_a_pattern_matches_like_its_regular_expression(pattern, text):
    expression = "".join({"*": ".*", "?": "."}.get(each, each) for each in pattern)
    expected = re.fullmatch(expression, text, re.DOTALL) is not None
    assert Pattern.read(pattern, variables=False).matches(text, no_value) is expected


@given(st.lists(st.text("ab*?", max_size=4), max_size=3), st.text("ab", max_size=4))
def test_names_are_many_patterns(patterns, text):
    expected = any(Pattern.read(each, variables=False).matches(text, no_value) for each in patterns)
    assert Names(patterns).match(text) is expected


@given(st.text("a:*", max_size=9), st.text("a:", max_size=9))
def test_an_arn_is_matched_by_parts(pattern, arn):
    parts = pattern.split(":", 5)
    expected = _fits(parts, arn.split(":", 5))
    assert ArnPattern.read(pattern, variables=False).matches(arn_parts(arn), no_value) is expected


def _fits(patterns, parts):
    """Return whether each pattern matches one part; a pattern that ends in a star may match several parts."""
    if not patterns or not parts:
        return not patterns and not parts
    first, *rest = patterns
    if not re.fullmatch(first.replace("*", ".*"), parts[0]):
        return False
    last = len(parts) if first.endswith("*") else 1
    return any(_fits(rest, parts[taken:]) for taken in range(1, last + 1))


@given(st.text(max_size=20))
def test_any_text_is_a_pattern_for_itself_without_wildcards(text):
    assert Pattern.read(text, variables=False, wildcards=False).matches(text, no_value)
    escaped = re.sub(r"[*?$]", lambda special: f"${{{special[0]}}}", text)
    assert Pattern.read(escaped, variables=True).matches(text, no_value)


def test_a_pattern_of_many_stars_is_fast():
    stars = "*a" * 2_000 + "*b"
    assert not Pattern.read(stars, variables=False).matches("a" * 20_000, no_value)
    assert not ask(
        identity=(policy(name="hostile", Statement=[{"Effect": "Allow", "Action": stars, "Resource": "*"}]),),
        action="a" * 20_000,
    ).is_allowed
