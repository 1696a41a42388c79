"""STS asks the trust policy of a role who may assume it."""

import pytest
from botocore.exceptions import ClientError

from tests.support.admin_api import AdminClient
from tests.support.boto import Keys, client_of
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, policy
from tests.support.web_identity import unsigned, web_token

OTHER = "210987654321"
MISSING = f"arn:aws:iam::{ACCOUNT}:role/missing"
ASSUMING = allow("sts:AssumeRole")


def refusal(sts, role, **more):
    """Return the code and message with which STS refuses to begin a session; None if it begins."""
    try:
        sts.assume_role(RoleArn=role, RoleSessionName="session", **more)
    except ClientError as refused:
        return refused.response["Error"]["Code"], refused.response["Error"]["Message"]
    return None


def denied(somebody, role):
    sentence = f"User: {somebody.arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
    return ("AccessDenied", sentence)


def may_assume(somebody, role, **more):
    found = refusal(somebody.client("sts"), role, **more)
    assert found in (None, denied(somebody, role))
    return found is None


def test_a_role_that_does_not_exist_is_assumed_by_nobody(iam, root):
    for somebody in (root, iam.user(ASSUMING)):
        assert refusal(somebody.client("sts"), MISSING) == denied(somebody, MISSING)


def test_the_log_says_why(root, caplog):
    with caplog.at_level("INFO", "ecr_emulator"):
        assert not may_assume(root, MISSING)
    assert "there is no such role" in caplog.text


def test_the_trust_policy_names_a_user(iam):
    ann, bob = iam.user(), iam.user(ASSUMING)
    role = iam.role(trusts={"AWS": ann.arn})
    assert may_assume(ann, role)
    assert not may_assume(bob, role)


def test_a_trust_policy_that_names_the_account_leaves_it_to_the_policies_of_the_caller(iam):
    role = iam.role(trusts={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    assert may_assume(iam.user(ASSUMING), role)
    assert not may_assume(iam.user(), role)


def test_another_account_needs_both_policies(iam, emulator):
    theirs = IamAccount(emulator, OTHER)
    trusted, untrusted = iam.role(trusts={"AWS": OTHER}), iam.role(trusts={"AWS": ACCOUNT})
    assert may_assume(theirs.user(ASSUMING), trusted)
    assert not may_assume(theirs.user(), trusted)
    assert not may_assume(theirs.user(ASSUMING), untrusted)
    assert may_assume(theirs.root(), trusted)
    assert not may_assume(theirs.root(), untrusted)


def test_a_role_of_a_service_is_not_for_users_but_for_the_root(iam, root):
    role = iam.role(trusts={"Service": "lambda.amazonaws.com"})
    assert not may_assume(iam.user(), role)
    assert may_assume(root, role)


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [
        ("sts:ExternalId", {"ExternalId": "right"}, {"ExternalId": "wrong"}),
        ("aws:RequestTag/team", {"Tags": [{"Key": "team", "Value": "right"}]}, {}),
        ("sts:SourceIdentity", {"SourceIdentity": "right"}, {}),
    ],
)
def test_conditions_of_the_trust_policy_know_the_request(iam, key, right, wrong):
    condition = {"Condition": {"StringEquals": {key: "right"}}}
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"} | condition
    role = iam.role()
    iam.client.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=policy(statement))
    user = iam.user()
    assert may_assume(user, role, **right)
    assert not may_assume(user, role, **wrong)


def test_a_session_assumes_the_next_role(iam):
    first = iam.role()
    second = iam.role(trusts={"AWS": first})
    assert may_assume(iam.session(first), second)
    assert not may_assume(iam.session(iam.role()), second)


def test_an_unknown_key_and_an_expired_one_are_refused(iam, emulator):
    role = iam.role()
    unknown = client_of(emulator, "sts", keys=Keys("AKIAUNKNOWN0000000", "any"))
    assert refusal(unknown, role)[0] == "InvalidClientTokenId"
    session = iam.session(role)
    assert AdminClient(emulator.wsgi).post("/_ecr/clock", json={"advance": "2h"}).status_code == 200
    assert refusal(session.client("sts"), role)[0] == "ExpiredToken"


def test_a_web_identity_needs_a_role_that_exists(iam, emulator):
    begin = unsigned(emulator).assume_role_with_web_identity
    token = web_token("https://token.example")
    begin(RoleArn=iam.role(), RoleSessionName="web", WebIdentityToken=token)
    with pytest.raises(ClientError, match=r"AccessDenied.*Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        begin(RoleArn=MISSING, RoleSessionName="web", WebIdentityToken=token)
