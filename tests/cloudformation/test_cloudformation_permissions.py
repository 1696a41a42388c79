"""Permissions of deployments where IAM is enforced: those of the caller, or of the role of the stack."""

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import Keys
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, enforcing
from tests.support.stacks import Stacks, repository, template

NAMED = template({"Repo": repository(RepositoryName="team/app")})
CREATING = allow("CreateRepository", "DescribeRepositories", "DeleteRepository")


@pytest.fixture(scope="module")
def emulator():
    with enforcing() as running:
        yield running


@pytest.fixture(scope="module")
def iam(emulator):
    return IamAccount(emulator)


def stacks_of(principal, region):
    return Stacks(principal.emulator, ACCOUNT, region, keys=principal.keys)


def test_a_caller_needs_the_permissions_of_ecr(iam):
    aws = stacks_of(iam.user(allow("DescribeRepositories")), "us-east-1")
    reason = aws.fail_to_create("s", NAMED)
    assert "is not authorized to perform: ecr:CreateRepository on resource: " in reason
    assert reason.endswith("HandlerErrorCode: AccessDenied)")
    assert aws.repositories() == []


@pytest.mark.parametrize("through", ["user", "session"])
def test_a_caller_with_the_permissions_creates_a_repository(iam, through):
    region = {"user": "us-east-2", "session": "us-west-2"}[through]
    principal = iam.user(CREATING) if through == "user" else iam.session(iam.role(CREATING))
    aws = stacks_of(principal, region)
    aws.create("s", NAMED)
    assert aws.repositories() == ["team/app"]
    aws.delete("s")
    assert aws.repositories() == []


def test_the_role_of_a_stack_acts_in_the_place_of_its_caller(iam):
    role = iam.role(CREATING, trusts={"Service": "cloudformation.amazonaws.com"})
    aws = stacks_of(iam.user(allow("DescribeRepositories")), "eu-west-1")
    aws.create("s", NAMED, RoleARN=role)
    assert aws.repositories() == ["team/app"]
    aws.delete("s")
    assert aws.repositories() == []


def test_a_role_without_the_permissions_fails_even_for_the_root_user(iam):
    aws = stacks_of(iam.root(), "eu-west-2")
    reason = aws.fail_to_create("s", NAMED, RoleARN=iam.role(allow("DescribeRepositories")))
    assert "/AWSCloudFormation is not authorized to perform: ecr:CreateRepository" in reason


def test_a_policy_can_require_that_cloudformation_makes_the_call(iam):
    only = {"StringEquals": {"aws:CalledViaFirst": "cloudformation.amazonaws.com"}}
    user = iam.user(allow("DescribeRepositories"), {**CREATING, "Condition": only})
    aws = stacks_of(user, "eu-west-3")
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.ecr.create_repository(repositoryName="team/app")
    aws.create("s", NAMED)
    assert aws.repositories() == ["team/app"]


def test_an_unknown_key_is_refused(emulator):
    aws = Stacks(emulator, ACCOUNT, "us-east-1", keys=Keys("AKIAUNKNOWNUNKNOWN00", "secret"))
    with pytest.raises(ClientError, match="The security token included in the request is invalid"):
        aws.cloudformation.create_stack(StackName="unknown", TemplateBody=NAMED)
