"""GetSessionToken and GetFederationToken: the principals behind their keys, and what they may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.companions.iam.access_keys import AccessKeys
from tests.support.boto import Keys, client_of
from tests.support.iam_principals import (
    ACCOUNT,
    IamAccount,
    IamPrincipal,
    allow,
    deny,
    policy,
    repository_policy,
    to,
)

NUMBERS = count()
LISTING = policy(allow("ListImages", "GetAuthorizationToken"))


@pytest.fixture
def app(root):
    """Create a new repository for each test, and return its name."""
    name = f"token-{next(NUMBERS)}"
    root.ecr.create_repository(repositoryName=name)
    return name


def may(call, **request):
    try:
        call(**request)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def may_list(somebody, app):
    return may(somebody.ecr.list_images, repositoryName=app)


def may_describe(somebody, app):
    return may(somebody.ecr.describe_images, repositoryName=app)


def denial(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def identity(principal):
    told = principal.client("sts").get_caller_identity()
    return told["UserId"], told["Account"], told["Arn"]


# --- Session tokens --------------------------------------------------------------------------------------


def test_a_session_token_has_the_permissions_of_its_user(iam, app):
    ann = iam.user(allow("ListImages"))
    session = iam.session_token(ann)
    assert session.keys.access_key.startswith("ASIA")
    assert may_list(session, app)
    assert not may_describe(session, app)
    assert identity(session) == identity(ann)
    token = session.log_in()
    assert session.send("GET", f"/v2/{app}/tags/list", token).status_code == 200
    assert session.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403


def test_conditions_tell_a_session_token_from_the_keys_of_its_user(iam, app):
    mfa = {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "TokenCode": "123456"}
    ann = iam.user(allow("ListImages", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    assert [may_list(each, app) for each in (ann, iam.session_token(ann), iam.session_token(ann, **mfa))] == [
        False,
        False,
        True,
    ]
    bob = iam.user(allow("ListImages", Condition={"StringEquals": {"aws:username": "bob"}}), name="bob")
    assert may_list(iam.session_token(bob), app)


def test_the_root_can_get_a_session_token(iam, root, app):
    session = iam.session_token(root)
    assert may_describe(session, app)
    assert identity(session) == (ACCOUNT, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")


def test_a_session_token_ends_by_the_emulators_clock(emulator, iam, app):
    session = iam.session_token(iam.user(allow("ListImages")), DurationSeconds=900)
    emulator.clock.advance(timedelta(minutes=14))
    assert may_list(session, app)
    emulator.clock.advance(timedelta(minutes=2))
    assert denial(session.ecr.list_images, repositoryName=app)[0] == "ExpiredTokenException"


def test_the_answer_says_when_the_keys_expire(iam, root):
    for user, expected in ((iam.user(), 129600), (root, 3600)):
        given = user.client("sts").get_session_token(DurationSeconds=129600)["Credentials"]
        left = given["Expiration"] - datetime.now(UTC)
        assert abs(left.total_seconds() - expected) < 60


@pytest.mark.parametrize(
    ("seconds", "constraint"),
    [(899, "greater than or equal to 900"), (129601, "less than or equal to 129600")],
)
def test_a_duration_out_of_range_is_refused(iam, seconds, constraint):
    message = (
        f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
        f"Member must have value {constraint}"
    )
    sts = client_of(iam.emulator, "sts", account=ACCOUNT, parameter_validation=False)
    for call, request in ((sts.get_session_token, {}), (sts.get_federation_token, {"Name": "carol"})):
        assert denial(call, DurationSeconds=seconds, **request) == ("ValidationError", message)


@pytest.mark.parametrize("operation", ["GetSessionToken", "GetFederationToken"])
def test_sessions_cannot_ask_for_more_sessions(iam, operation):
    ann = iam.user(allow("*"))
    for session in (iam.session(iam.role()), iam.session_token(ann), iam.federated(ann)):
        sts = session.client("sts")
        call = sts.get_session_token if operation == "GetSessionToken" else sts.get_federation_token
        request = {} if operation == "GetSessionToken" else {"Name": "dave"}
        assert denial(call, **request) == ("AccessDenied", f"Cannot call {operation} with session credentials")


def test_an_unknown_key_gets_no_session_token(emulator):
    stranger = IamPrincipal(emulator, "", Keys("AKIASTRANGER", "secret"))
    assert denial(stranger.client("sts").get_session_token)[0] == "InvalidClientTokenId"


# --- Federated users -------------------------------------------------------------------------------------


def test_a_federated_user_may_do_what_both_its_policy_and_its_user_may(iam, app):
    ann = iam.user(allow("ListImages", "DescribeImages"))
    carol = iam.federated(ann, Policy=LISTING)
    assert carol.arn == f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
    assert may_list(carol, app)
    assert not may_describe(carol, app)
    assert not may_list(iam.federated(iam.user(), Policy=LISTING), app)
    assert identity(carol) == (f"{ACCOUNT}:carol", ACCOUNT, carol.arn)
    token = carol.log_in()
    assert carol.send("GET", f"/v2/{app}/tags/list", token).status_code == 200
    assert carol.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403


def test_a_federated_user_without_a_policy_may_do_nothing(iam, root, app):
    for issuer in (iam.user(allow("*")), root):
        carol = iam.federated(issuer)
        code, message = denial(carol.ecr.list_images, repositoryName=app)
        assert code == "AccessDeniedException"
        assert message.startswith(f"User: {carol.arn} is not authorized to perform: ecr:ListImages")
        assert message.endswith("because no session policy allows the ecr:ListImages action")


def test_the_root_can_federate_users(iam, root, app):
    carol = iam.federated(root, Policy=LISTING)
    assert may_list(carol, app)
    assert not may_describe(carol, app)


def test_a_repository_policy_can_name_a_federated_user(iam, root, app):
    carol = iam.federated(iam.user())
    root.ecr.set_repository_policy(
        repositoryName=app, policyText=repository_policy(to(carol.arn, allow("DescribeImages")))
    )
    assert may_describe(carol, app)
    assert not may_list(carol, app)
    assert not may_describe(iam.federated(iam.user(), name="dave"), app)


def test_a_grant_to_the_federating_user_counts_within_the_policy_of_the_federated_user(iam, root, app):
    ann = iam.user()
    granted = repository_policy(to(ann.arn, allow("DescribeImages", "ListImages")))
    root.ecr.set_repository_policy(repositoryName=app, policyText=granted)
    carol = iam.federated(ann, Policy=LISTING)
    assert may_list(carol, app)
    assert not may_describe(carol, app)
    assert not may_list(iam.federated(iam.user(), Policy=LISTING), app)


def test_a_denial_for_the_federating_user_applies_to_the_federated_user(iam, app):
    ann = iam.user(allow("*"), deny("ListImages"))
    assert not may_list(iam.federated(ann, Policy=LISTING), app)


def test_a_federated_user_has_its_own_attributes(iam, app):
    ann = iam.user(allow("*"))
    iam.client.tag_user(UserName=ann.arn.rpartition("/")[2], Tags=[{"Key": "team", "Value": "red"}])

    def may_if(operator, key, value, **more):
        limited = policy(allow("ListImages", Condition={operator: {key: value}}))
        return may_list(iam.federated(ann, Policy=limited, **more), app)

    assert may_if("StringEquals", "aws:userid", f"{ACCOUNT}:carol")
    assert may_if("StringEquals", "aws:PrincipalType", "FederatedUser")
    assert may_if("Null", "aws:username", "true")
    assert may_if("Null", "aws:PrincipalTag/team", "true")
    assert may_if("StringEquals", "aws:PrincipalTag/team", "blue", Tags=[{"Key": "team", "Value": "blue"}])


def test_a_wrong_name_is_refused(iam):
    sts = client_of(iam.emulator, "sts", account=ACCOUNT, parameter_validation=False)
    for name in ("x", "y" * 33, "two words"):
        code, message = denial(sts.get_federation_token, Name=name)
        assert code == "ValidationError"
        assert f"Value '{name}' at 'name'" in message


def test_every_caller_gets_keys_of_its_own_account(iam, emulator):
    there = IamAccount(emulator, "999988887777")
    sessions = [iam.session_token(iam.root()), there.session_token(there.root()), there.session_token(there.root())]
    assert len({session.keys.access_key for session in sessions}) == 3
    registries = [session.ecr.describe_registry()["registryId"] for session in sessions]
    assert registries == [ACCOUNT, "999988887777", "999988887777"]


def test_the_identity_of_a_caller_does_not_depend_on_the_length_of_its_key(emulator, iam):
    """Keys that a seed chooses need not have twenty characters, as those of IAM have."""
    ann = iam.user(name="ann-of-a-seed")
    AccessKeys(emulator._parts.companions).put(ACCOUNT, "ann-of-a-seed", "SHORT", "secret")
    assert identity(IamPrincipal(emulator, ann.arn, Keys("SHORT", "secret"))) == identity(ann)
    assert identity(ann)[1:] == (ACCOUNT, ann.arn)
