"""Permissions boundaries of users and roles: who has one, and how it limits the requests of its owner."""

from __future__ import annotations

from itertools import count

import pytest
from botocore.exceptions import ClientError

from tests.support.iam_principals import ACCOUNT, allow, policy, repository_policy, to

OWN = f"arn:aws:iam::{ACCOUNT}:policy/"
NUMBERS = count()
READING = ("DescribeImages", "ListImages")


@pytest.fixture
def app(root):
    """Create a new repository for each test, and return its name."""
    name = f"bounded-{next(NUMBERS)}"
    root.ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture
def boundary(iam):
    """Create a policy that allows to list images, and to log in."""
    document = policy(allow("ListImages", "GetAuthorizationToken"))
    return iam.client.create_policy(PolicyName=f"boundary-{next(NUMBERS)}", PolicyDocument=document)["Policy"]["Arn"]


def name_of(principal):
    return principal.arn.rpartition("/")[2]


def denial(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def check_is_limited(user, app):
    assert user.ecr.list_images(repositoryName=app)["imageIds"] == []
    code, message = denial(user.ecr.describe_images, repositoryName=app)
    assert code == "AccessDeniedException"
    assert message.endswith("because no permissions boundary allows the ecr:DescribeImages action")
    token = user.log_in()
    assert user.send("GET", f"/v2/{app}/tags/list", token).status_code == 200
    assert user.send("GET", f"/v2/{app}/manifests/v1", token).status_code == 403


def test_a_boundary_put_on_a_user_limits_it_until_it_is_deleted(iam, app, boundary):
    ann = iam.user(allow(*READING))
    iam.client.put_user_permissions_boundary(UserName=name_of(ann), PermissionsBoundary=boundary)
    told = iam.client.get_user(UserName=name_of(ann))["User"]["PermissionsBoundary"]
    assert told == {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": boundary}
    check_is_limited(ann, app)
    iam.client.delete_user_permissions_boundary(UserName=name_of(ann))
    assert "PermissionsBoundary" not in iam.client.get_user(UserName=name_of(ann))["User"]
    assert ann.ecr.describe_images(repositoryName=app)["imageDetails"] == []


def test_a_user_can_be_created_with_a_boundary(iam, app, boundary):
    name = f"born-{app}"
    created = iam.client.create_user(UserName=name, PermissionsBoundary=boundary)["User"]
    assert created["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert iam.client.get_user(UserName=name)["User"]["PermissionsBoundary"] == created["PermissionsBoundary"]
    iam.client.delete_user(UserName=name)
    ann = iam.user(allow(*READING), name=name)
    assert ann.ecr.describe_images(repositoryName=app), "a user of the same name does not inherit the boundary"


def test_an_awsmanaged_policy_can_be_a_boundary(iam, app):
    ann = iam.user(allow("*"))
    arn = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
    iam.client.put_user_permissions_boundary(UserName=name_of(ann), PermissionsBoundary=arn)
    assert ann.ecr.list_images(repositoryName=app)["imageIds"] == []
    assert denial(ann.ecr.delete_repository, repositoryName=app)[0] == "AccessDeniedException"


def test_a_boundary_grants_nothing(iam, app, boundary):
    ann = iam.user()
    iam.client.put_user_permissions_boundary(UserName=name_of(ann), PermissionsBoundary=boundary)
    assert "no identity-based policy" in denial(ann.ecr.list_images, repositoryName=app)[1]


def test_a_repository_policy_that_names_the_user_passes_its_boundary(iam, root, app, boundary):
    ann = iam.user()
    iam.client.put_user_permissions_boundary(UserName=name_of(ann), PermissionsBoundary=boundary)
    granted = repository_policy(to(ann.arn, allow("DescribeImages")))
    root.ecr.set_repository_policy(repositoryName=app, policyText=granted)
    assert ann.ecr.describe_images(repositoryName=app)["imageDetails"] == []


def test_the_boundary_of_a_user_limits_its_session_tokens_and_the_users_that_it_federates(iam, app, boundary):
    ann = iam.user(allow(*READING))
    iam.client.put_user_permissions_boundary(UserName=name_of(ann), PermissionsBoundary=boundary)
    check_is_limited(iam.session_token(ann), app)
    check_is_limited(iam.federated(ann, Policy=policy(allow("*"))), app)


@pytest.mark.parametrize(
    "arn", [f"arn:aws:iam::{ACCOUNT}:policy/gone", "arn:aws:iam::999988887777:policy/theirs", "no-arn" * 4]
)
def test_a_boundary_that_does_not_exist_is_refused(iam, arn):
    ann, role = iam.user(), iam.role().rpartition("/")[2]
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    for call, request in (
        (iam.client.create_user, {"UserName": "unborn"}),
        (iam.client.put_user_permissions_boundary, {"UserName": name_of(ann)}),
        (iam.client.create_role, {"RoleName": "unborn", "AssumeRolePolicyDocument": trust}),
        (iam.client.put_role_permissions_boundary, {"RoleName": role}),
    ):
        refused = "NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable."
        assert denial(call, PermissionsBoundary=arn, **request) == refused
    assert denial(iam.client.get_user, UserName="unborn")[0] == "NoSuchEntity"
    assert denial(iam.client.get_role, RoleName="unborn")[0] == "NoSuchEntity"


def test_nobody_can_give_a_boundary_to_a_user_that_does_not_exist(iam, boundary):
    for call, request in (
        (iam.client.put_user_permissions_boundary, {"PermissionsBoundary": boundary}),
        (iam.client.delete_user_permissions_boundary, {}),
    ):
        assert denial(call, UserName="nobody", **request) == (
            "NoSuchEntity",
            "The user with name nobody cannot be found.",
        )


def test_a_policy_that_is_attached_cannot_be_deleted(iam, boundary):
    role = iam.role().rpartition("/")[2]
    iam.client.attach_role_policy(RoleName=role, PolicyArn=boundary)
    assert denial(iam.client.delete_policy, PolicyArn=boundary) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    iam.client.detach_role_policy(RoleName=role, PolicyArn=boundary)
    iam.client.delete_policy(PolicyArn=boundary)
    assert denial(iam.client.get_policy, PolicyArn=boundary)[0] == "NoSuchEntity"
