"""Session policies: the limits of a session, and the refusals of STS."""

from __future__ import annotations

import json
from itertools import count

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import client_of
from tests.support.iam_principals import ACCOUNT, IamPrincipal, allow, deny, keys_of, policy, repository_policy, to
from tests.support.saml import assertion
from tests.support.web_identity import unsigned, web_token

NUMBERS = count()
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
LISTING = policy(allow("ListImages"))


@pytest.fixture
def app(root):
    """Create a new repository for each test, and return its name."""
    name = f"session-{next(NUMBERS)}"
    root.ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture
def listing(iam):
    """Create a managed policy that allows to list images."""
    return iam.client.create_policy(PolicyName=f"listing-{next(NUMBERS)}", PolicyDocument=LISTING)["Policy"]["Arn"]


def permitted(somebody, app):
    """Return which of three requests a principal may make."""
    calls = {
        "list": (somebody.ecr.list_images, {"repositoryName": app}),
        "describe": (somebody.ecr.describe_images, {"repositoryName": app}),
        "tag": (somebody.ecr.tag_resource, {"resourceArn": arn_of(app), "tags": [{"Key": "k", "Value": "v"}]}),
    }
    return {name for name, (call, request) in calls.items() if is_permitted(call, request)}


def is_permitted(call, request):
    try:
        call(**request)
    except ClientError as refused:
        if refused.response["Error"]["Code"] != "AccessDeniedException":
            raise
        return False
    return True


def arn_of(app):
    return f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{app}"


def by_assume_role(iam, role, **limits):
    return iam.session(role, **limits)


def by_web_identity(iam, role, **limits):
    begin = unsigned(iam.emulator).assume_role_with_web_identity
    token = web_token("https://token.example")
    return holder(iam, begin(RoleArn=role, RoleSessionName="web", WebIdentityToken=token, **limits))


def by_saml(iam, role, **limits):
    provider = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
    begin = unsigned(iam.emulator).assume_role_with_saml
    return holder(iam, begin(RoleArn=role, PrincipalArn=provider, SAMLAssertion=assertion(role, provider), **limits))


def by_federation(iam, _, **limits):
    return iam.federated(iam.user(allow("*")), **limits)


def holder(iam, issued):
    return IamPrincipal(iam.emulator, issued["AssumedRoleUser"]["Arn"], keys_of(issued))


BEGINNINGS = [by_assume_role, by_web_identity, by_saml, by_federation]
every_beginning = pytest.mark.parametrize("begin", BEGINNINGS)


@every_beginning
def test_a_session_may_do_only_what_its_policies_allow_too(iam, app, listing, begin):
    role = iam.role(allow("*"))
    assert permitted(begin(iam, role, Policy=LISTING), app) == {"list"}
    assert permitted(begin(iam, role, PolicyArns=[{"arn": listing}]), app) == {"list"}
    describing = policy(allow("DescribeImages"))
    assert permitted(begin(iam, role, Policy=describing, PolicyArns=[{"arn": listing}]), app) == {"list", "describe"}
    assert permitted(begin(iam, role, PolicyArns=[{"arn": READ_ONLY}, {"arn": listing}]), app) == {"list", "describe"}


@every_beginning
def test_a_denial_in_a_session_policy_wins(iam, root, app, listing, begin):
    limited = begin(iam, iam.role(allow("*")), Policy=policy(allow("*"), deny("ListImages")))
    assert permitted(limited, app) == {"describe", "tag"}
    granted = repository_policy(to(limited.arn, allow("ListImages")))
    root.ecr.set_repository_policy(repositoryName=app, policyText=granted)
    assert permitted(limited, app) == {"describe", "tag"}


@pytest.mark.parametrize("begin", [by_assume_role, by_web_identity, by_saml])
def test_a_session_policy_grants_nothing_that_the_role_does_not_have(iam, app, begin):
    assert permitted(begin(iam, iam.role(allow("ListImages")), Policy=policy(allow("*"))), app) == {"list"}


def test_a_repository_policy_for_the_session_itself_passes_its_session_policy(iam, root, app, listing):
    role = iam.role()
    named, other = (iam.session(role, name=name, PolicyArns=[{"arn": listing}]) for name in ("named", "other"))
    for principal, expected in ((named.arn, {"describe"}), (role, set())):
        granted = repository_policy(to(principal, allow("DescribeImages")))
        root.ecr.set_repository_policy(repositoryName=app, policyText=granted)
        assert permitted(named, app) == expected
        assert permitted(other, app) == set()
    granted = repository_policy(to(role, allow("ListImages")))
    root.ecr.set_repository_policy(repositoryName=app, policyText=granted)
    assert permitted(named, app) == {"list"}, "a grant to the role counts within the session policy"


def test_a_managed_policy_limits_by_its_current_version_and_a_deleted_one_allows_nothing(iam, app, listing):
    session = iam.session(iam.role(allow("*")), PolicyArns=[{"arn": listing}])
    everything = policy(allow("*"))
    iam.client.create_policy_version(PolicyArn=listing, PolicyDocument=everything, SetAsDefault=True)
    assert permitted(session, app) == {"list", "describe", "tag"}
    iam.client.delete_policy(PolicyArn=listing)
    assert permitted(session, app) == set()


def test_docker_is_limited_by_the_session_policy_too(iam, app):
    session = iam.session(iam.role(allow("*")), Policy=policy(allow("ListImages", "GetAuthorizationToken")))
    token = session.log_in()
    assert session.send("GET", f"/v2/{app}/tags/list", token).status_code == 200
    assert session.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403


# --- Refusals --------------------------------------------------------------------------------------------


def refused_limits():
    """Return limits that STS refuses, with the code and the end of its sentence."""
    long = policy(allow(*(f"Action{number:04}" for number in range(200))))
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    at_most = "failed to satisfy constraint: Member must have length less than or equal to"
    resources = [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{number:04}/{'x' * 20}" for number in range(24)]
    return {
        "an inline policy of more than 2048 characters": (
            {"Policy": long},
            "ValidationError",
            f"at 'policy' {at_most} 2048",
        ),
        "eleven managed policies": (
            {"PolicyArns": [{"arn": READ_ONLY}] * 11},
            "ValidationError",
            f"at 'policyArns' {at_most} 10",
        ),
        "an inline policy that is no JSON": ({"Policy": "{"}, "MalformedPolicyDocument", "Syntax errors in policy."),
        "an inline policy without resources": (
            {"Policy": repository_policy(allow("*"))},
            "MalformedPolicyDocument",
            "Policy statement must contain resources.",
        ),
        "a managed policy that does not exist": (
            {"PolicyArns": [{"arn": gone}]},
            "MalformedPolicyDocument",
            f"Policy {gone} does not exist in account {ACCOUNT}.",
        ),
        "policies that are too large together": (
            {"Policy": policy(allow("*", on=resources)), "PolicyArns": [{"arn": READ_ONLY}] * 5},
            "PackedPolicyTooLarge",
            "% of allotted space, please use smaller policy.",
        ),
    }


@every_beginning
@pytest.mark.parametrize("case", refused_limits())
def test_limits_that_are_too_large_or_wrong_are_refused(iam, begin, case):
    limits, code, ending = refused_limits()[case]
    with pytest.raises(ClientError) as refused:
        begin(iam, iam.role(), **limits)
    error = refused.value.response["Error"]
    assert error["Code"] == code
    assert error["Message"].endswith(ending)


def test_the_size_of_policies_and_tags_is_told_in_percent(iam):
    sts = client_of(iam.emulator, "sts", account=ACCOUNT)
    request = {"RoleArn": iam.role(), "RoleSessionName": "sized"}
    assert sts.assume_role(**request)["PackedPolicySize"] == 0
    spaced = json.dumps(json.loads(LISTING), indent=60)
    tags = [{"Key": "k" * 128, "Value": "v" * 256} for _ in range(2)]
    small, large = sts.assume_role(**request, Policy=LISTING), sts.assume_role(**request, Policy=spaced, Tags=tags)
    assert small["PackedPolicySize"] == 5
    assert large["PackedPolicySize"] == 43
