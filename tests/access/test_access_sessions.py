"""Conditions on sessions: their beginning, MFA, and their names."""

from __future__ import annotations

import json
from itertools import count

import pytest
from werkzeug.test import Client

from tests.support.iam_principals import ACCOUNT, IamPrincipal, allow, deny, keys_of
from tests.support.web_identity import unsigned, web_token

NUMBERS = count()
MFA = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "TokenCode": "123456"}
EVERYTHING = allow("*")


@pytest.fixture
def app(root):
    """Create a new repository for each test, and return its name."""
    name = f"app-{next(NUMBERS)}"
    root.ecr.create_repository(repositoryName=name)
    return name


def may_list_images(somebody, app):
    """Return whether a principal may list the images of a repository."""
    try:
        somebody.ecr.list_images(repositoryName=app)
    except somebody.ecr.exceptions.ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def when(operator, key, value):
    return {"Condition": {operator: {key: value}}}


def advance(emulator, by):
    moved = Client(emulator.wsgi).post("/_ecr/clock", json={"advance": by})
    assert moved.status_code == 200
    return moved.json["now"]


def next_session(emulator, somebody, role, **more):
    """Assume a role with the keys of a principal, and return the new session."""
    assumed = somebody.client("sts").assume_role(RoleArn=role, RoleSessionName="next", **more)
    return holder(emulator, assumed)


def holder(emulator, assumed):
    return IamPrincipal(emulator, assumed["AssumedRoleUser"]["Arn"], keys_of(assumed))


# --- Time of issue -----------------------------------------------------------------------------------------


def test_older_sessions_can_be_revoked(emulator, iam, app):
    """The console revokes sessions in this way, with the policy AWSRevokeOlderSessions."""
    role = iam.role(EVERYTHING)
    older = iam.session(role)
    now = advance(emulator, "10m")
    revoked = deny("*", **when("DateLessThan", "aws:TokenIssueTime", now))
    document = json.dumps({"Version": "2012-10-17", "Statement": [revoked]})
    iam.client.put_role_policy(
        RoleName=role.rpartition("/")[2], PolicyName="AWSRevokeOlderSessions", PolicyDocument=document
    )
    assert not may_list_images(older, app)
    assert may_list_images(iam.session(role), app)


def test_a_token_for_docker_is_revoked_with_its_session(emulator, iam, app):
    role = iam.role(EVERYTHING)
    session = iam.session(role)
    token = session.log_in()
    now = advance(emulator, "1m")
    revoked = deny("*", **when("DateLessThan", "aws:TokenIssueTime", now))
    document = json.dumps({"Version": "2012-10-17", "Statement": [revoked]})
    assert session.send("GET", f"/v2/{app}/tags/list", token).status_code != 403
    iam.client.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="revoke", PolicyDocument=document)
    assert session.send("GET", f"/v2/{app}/tags/list", token).status_code == 403


def test_a_users_own_keys_have_no_time_of_issue(iam, app):
    ann = iam.user(EVERYTHING, deny("*", **when("Null", "aws:TokenIssueTime", "false")))
    assert may_list_images(ann, app)
    bob = iam.user(EVERYTHING, deny("ListImages", **when("Null", "aws:TokenIssueTime", "true")))
    assert not may_list_images(bob, app)


# --- With MFA ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "without", "with_mfa"),
    [
        ([EVERYTHING, deny("*", **when("Bool", "aws:MultiFactorAuthPresent", "false"))], False, True),
        ([EVERYTHING, deny("*", **when("BoolIfExists", "aws:MultiFactorAuthPresent", "false"))], False, True),
        ([allow("*", **when("Bool", "aws:MultiFactorAuthPresent", "true"))], False, True),
        ([allow("*", **when("NumericLessThan", "aws:MultiFactorAuthAge", "3600"))], False, True),
        ([EVERYTHING, deny("*", **when("Null", "aws:MultiFactorAuthAge", "true"))], False, True),
    ],
)
def test_conditions_distinguish_sessions_with_and_without_mfa(iam, app, statements, without, with_mfa):
    role = iam.role(*statements)
    assert may_list_images(iam.session(role), app) is without
    assert may_list_images(iam.session(role, **MFA), app) is with_mfa


def test_a_condition_can_limit_the_age_of_mfa(emulator, iam, app):
    role = iam.role(allow("*", **when("NumericLessThan", "aws:MultiFactorAuthAge", "1800")))
    session = iam.session(role, **MFA)
    assert may_list_images(session, app)
    advance(emulator, "31m")
    assert not may_list_images(session, app)


def test_a_users_own_keys_have_no_mfa_condition_keys(iam, app):
    ann = iam.user(EVERYTHING, deny("*", **when("Bool", "aws:MultiFactorAuthPresent", "false")))
    assert may_list_images(ann, app)
    bob = iam.user(EVERYTHING, deny("ListImages", **when("BoolIfExists", "aws:MultiFactorAuthPresent", "false")))
    assert not may_list_images(bob, app)


# --- Identity ---------------------------------------------------------------------------------------------


def test_session_tags_override_the_tags_of_the_role(iam, app):
    red = deny("*", **when("StringEquals", "aws:PrincipalTag/team", "red"))
    role = iam.role(EVERYTHING, red, Tags=[{"Key": "team", "Value": "blue"}])
    assert may_list_images(iam.session(role), app)
    assert not may_list_images(iam.session(role, Tags=[{"Key": "team", "Value": "red"}]), app)
    assert may_list_images(iam.session(role, Tags=[{"Key": "other", "Value": "red"}]), app)


def test_a_source_identity_stays_through_a_chain_of_roles(emulator, iam, app):
    role = iam.role(EVERYTHING, deny("*", **when("StringEquals", "aws:SourceIdentity", "mallory")))
    assert may_list_images(iam.session(role, SourceIdentity="ann"), app)
    assert not may_list_images(iam.session(role, SourceIdentity="mallory"), app)
    first = iam.session(iam.role(EVERYTHING), SourceIdentity="mallory")
    assert not may_list_images(next_session(emulator, first, role), app)


def test_transitive_tags_stay_through_a_chain_of_roles_and_others_do_not(emulator, iam, app):
    role = iam.role(EVERYTHING, deny("*", **when("StringEquals", "aws:PrincipalTag/team", "red")))
    tags = [{"Key": "team", "Value": "red"}]
    middle = iam.role(EVERYTHING)
    passing = iam.session(middle, Tags=tags, TransitiveTagKeys=["team"])
    assert not may_list_images(next_session(emulator, passing, role), app)
    assert may_list_images(next_session(emulator, iam.session(middle, Tags=tags), role), app)


def test_mfa_is_not_passed_on_through_a_chain_of_roles(emulator, iam, app):
    role = iam.role(allow("*", **when("Bool", "aws:MultiFactorAuthPresent", "true")))
    first = iam.session(iam.role(EVERYTHING), **MFA)
    assert not may_list_images(next_session(emulator, first, role), app)


@pytest.mark.parametrize(
    ("issuer", "provider"),
    [
        ("https://token.actions.example", f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.example"),
        ("https://accounts.google.com", "accounts.google.com"),
    ],
)
def test_a_condition_can_name_the_provider_of_a_web_identity(emulator, iam, app, issuer, provider):
    role = iam.role(EVERYTHING, deny("*", **when("StringEquals", "aws:FederatedProvider", provider)))
    begin = unsigned(emulator).assume_role_with_web_identity
    for token, is_allowed in ((web_token(issuer), False), (web_token("https://else.example"), True)):
        assumed = begin(RoleArn=role, RoleSessionName="web", WebIdentityToken=token)
        assert may_list_images(holder(emulator, assumed), app) is is_allowed
    assert may_list_images(iam.session(role), app)


# --- Others ------------------------------------------------------------------------------------------------


def test_a_root_has_its_account_as_userid(iam, root, app):
    statement = deny("ListImages", **when("StringEquals", "aws:userid", ACCOUNT)) | {"Principal": "*"}
    del statement["Resource"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    root.ecr.set_repository_policy(repositoryName=app, policyText=document)
    assert not may_list_images(root, app)
    assert may_list_images(iam.user(EVERYTHING), app)


def test_a_condition_can_name_the_referer(iam, app):
    ann = iam.user(EVERYTHING, deny("ListImages", **when("StringLike", "aws:Referer", "*evil*")))
    token = ann.log_in()
    assert ann.send("GET", f"/v2/{app}/tags/list", token).status_code != 403
    headers = {"Referer": "http://evil.example/"}
    assert ann.send("GET", f"/v2/{app}/tags/list", token, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("condition", "is_copied"),
    [
        (when("Bool", "aws:SecureTransport", "false"), True),
        (when("Bool", "aws:ViaAWSService", "false"), False),
        (when("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"), False),
        (when("StringEquals", "aws:RequestedRegion", "eu-west-1"), False),
    ],
)
def test_conditions_of_a_registry_policy_apply_to_replication(emulator, condition, is_copied):
    from ecr_emulator.domain.names import Registry
    from ecr_emulator.domain.repository import Repository
    from ecr_emulator.services.access import admits_replica
    from tests.support.boto import client_of

    there = client_of(emulator, account="210987654321", region="eu-west-1")
    who = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Resource": "*"}
    statements = [
        {"Sid": "a", "Effect": "Allow", "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"]} | who,
        {"Sid": "d", "Effect": "Deny", "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"]} | who | condition,
    ]
    there.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    now = emulator.clock.now()
    source = Repository(Registry(ACCOUNT, "us-east-1"), "app", now)
    with emulator.services.store.reading() as work:
        assert admits_replica(work, source, Registry("210987654321", "eu-west-1"), now) is is_copied
