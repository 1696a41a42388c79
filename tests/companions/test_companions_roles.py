"""The service-linked roles of ECR, as IAM shows them."""

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from ecr_emulator.domain.service_linked_roles import ROLES
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.boto import client_of

ACCOUNT = "123456789012"
NAME = "AWSServiceRoleForECRPullThroughCache"
SERVICE = "pullthroughcache.ecr.amazonaws.com"


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, "ecr", account=ACCOUNT)


@pytest.fixture
def iam(emulator):
    return client_of(emulator, "iam", account=ACCOUNT)


@pytest.mark.consideration("S17a")
def test_the_first_rule_makes_the_service_linked_role(ecr, iam):
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=NAME)
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    role = iam.get_role(RoleName=NAME)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{SERVICE}/{NAME}"
    assert role["Description"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": SERVICE}


def test_a_role_made_before_iam_was_used_is_there_when_it_is(ecr, iam):
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [NAME]


def test_the_role_is_there_after_a_restart(tmp_path):
    for prefix in ("quay", None):
        with Emulator(Settings(data_dir=tmp_path)) as emulator:
            if prefix:
                client_of(emulator, "ecr", account=ACCOUNT).create_pull_through_cache_rule(
                    ecrRepositoryPrefix=prefix, upstreamRegistryUrl="quay.io"
                )
            else:
                assert client_of(emulator, "iam", account=ACCOUNT).get_role(RoleName=NAME)
                emulator.reset()


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("replication.ecr.amazonaws.com", "AWSServiceRoleForECRReplication"),
        ("ecr.amazonaws.com", "AWSServiceRoleForECRTemplate"),
        ("inspector2.amazonaws.com", "AWSServiceRoleForAmazonInspector2"),
    ],
)
def test_replication_templates_and_enhanced_scanning_have_roles_of_their_own(emulator, iam, service, name):
    for _ in range(2):
        emulator.services.roles.ensure_service_linked_role(ACCOUNT, service)
    assert iam.get_role(RoleName=name)["Role"]["Path"] == f"/aws-service-role/{service}/"


@pytest.mark.consideration("S17a")
def deletion(iam, name=NAME):
    """Return the outcome of a deletion."""
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    return iam.get_service_linked_role_deletion_status(DeletionTaskId=task)


@pytest.mark.consideration("S17b")
def test_the_role_cannot_be_deleted_while_rules_exist_in_any_region(emulator, ecr, iam):
    elsewhere = client_of(emulator, "ecr", account=ACCOUNT, region="eu-west-1")
    for client, prefix in ((ecr, "quay"), (elsewhere, "k8s"), (elsewhere, "hub")):
        client.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl="quay.io")
    failed = deletion(iam)
    assert failed["Status"] == "FAILED"
    assert "in use" in failed["Reason"]["Reason"]
    assert failed["Reason"]["RoleUsageList"] == [
        {"Region": "eu-west-1", "Resources": ["hub", "k8s"]},
        {"Region": "us-east-1", "Resources": ["quay"]},
    ]
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert deletion(iam)["Status"] == "FAILED"
    assert iam.get_role(RoleName=NAME)
    for prefix in ("k8s", "hub"):
        elsewhere.delete_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
    assert deletion(iam)["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_role(RoleName=NAME)


@pytest.mark.consideration("S17b")
def test_rules_of_another_account_do_not_prevent_the_deletion_of_the_role(emulator, ecr, iam):
    other = client_of(emulator, "ecr", account="111122223333")
    for client in (ecr, other):
        client.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert deletion(iam)["Status"] == "SUCCEEDED"


def test_moto_deletes_a_role_of_another_service(iam):
    name = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    assert deletion(iam, name)["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.delete_service_linked_role(RoleName=name)


def test_a_deleted_role_stays_away_after_a_restart(tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        ecr, iam = (client_of(emulator, service, account=ACCOUNT) for service in ("ecr", "iam"))
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
        assert deletion(iam)["Status"] == "SUCCEEDED"
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert client_of(emulator, "iam", account=ACCOUNT).list_roles()["Roles"] == []
        emulator.reset()


def test_a_deleted_service_linked_role_comes_back_with_the_next_rule(ecr, iam):
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert deletion(iam)["Status"] == "SUCCEEDED"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="k8s", upstreamRegistryUrl="registry.k8s.io")
    assert iam.get_role(RoleName=NAME)


# --- Protection --------------------------------------------------------------------------------------------

TRUST = '{"Version": "2012-10-17", "Statement": []}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OWN_POLICY = "arn:aws:iam::aws:policy/aws-service-role/AWSECRPullThroughCache_ServiceRolePolicy"
CHANGES = {
    "delete_role": {},
    "update_assume_role_policy": {"PolicyDocument": TRUST},
    "update_role": {"MaxSessionDuration": 7200},
    "put_role_policy": {"PolicyName": "p", "PolicyDocument": TRUST},
    "delete_role_policy": {"PolicyName": "p"},
    "attach_role_policy": {"PolicyArn": READ_ONLY},
    "detach_role_policy": {"PolicyArn": OWN_POLICY},
    "put_role_permissions_boundary": {"PermissionsBoundary": READ_ONLY},
    "delete_role_permissions_boundary": {},
    "add_role_to_instance_profile": {"InstanceProfileName": "i"},
    "remove_role_from_instance_profile": {"InstanceProfileName": "i"},
}


@pytest.fixture(params=["off", "enforce"])
def in_either_mode(request, tmp_path):
    with Emulator(Settings(data_dir=tmp_path, iam=request.param)) as emulator:
        ecr = client_of(emulator, "ecr", account=ACCOUNT)
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        yield client_of(emulator, "iam", account=ACCOUNT)


def test_only_ecr_changes_its_service_linked_roles(in_either_mode):
    iam = in_either_mode
    iam.create_instance_profile(InstanceProfileName="i")
    role = iam.get_role(RoleName=NAME)["Role"]
    for operation, arguments in CHANGES.items():
        with pytest.raises(ClientError) as refused:
            getattr(iam, operation)(RoleName=NAME, **arguments)
        error = refused.value.response
        assert error["Error"]["Code"] == "UnmodifiableEntity", operation
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert error["Error"]["Message"] == (
            f"Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS"
        )
    assert iam.get_role(RoleName=NAME)["Role"] == role
    assert iam.list_role_policies(RoleName=NAME)["PolicyNames"] == []


def test_every_change_that_iam_may_refuse_is_refused():
    """IAM's own model lists the changes; ``update_role_description`` is allowed."""
    model = botocore.session.get_session().get_service_model("iam")
    protected = {
        xform_name(operation.name)
        for operation in map(model.operation_model, model.operation_names)
        if "UnmodifiableEntityException" in {error.name for error in operation.error_shapes}
        and "RoleName" in operation.input_shape.members
    }
    assert protected == CHANGES.keys() | {"update_role_description"}


def test_roles_of_other_services_are_protected_and_roles_of_users_are_not(iam):
    name = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    with pytest.raises(ClientError, match="UnmodifiableEntity"):
        iam.delete_role(RoleName=name)
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="mine", PolicyArn=READ_ONLY)
    iam.detach_role_policy(RoleName="mine", PolicyArn=READ_ONLY)
    iam.delete_role(RoleName="mine")


def test_a_service_linked_role_can_be_described_and_tagged(in_either_mode):
    in_either_mode.update_role(RoleName=NAME, Description="ours")
    in_either_mode.tag_role(RoleName=NAME, Tags=[{"Key": "k", "Value": "v"}])
    assert in_either_mode.get_role(RoleName=NAME)["Role"]["Description"] == "ours"


@pytest.mark.parametrize("service", list(ROLES))
def test_iam_creates_the_same_service_linked_role_as_ecr(emulator, iam, service):
    made = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    assert (made["RoleName"], made["Path"]) == (ROLES[service].name, f"/aws-service-role/{service}/")
    emulator.services.roles.ensure_service_linked_role(ACCOUNT, service)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == [ROLES[service].name]
    assert iam.list_attached_role_policies(RoleName=ROLES[service].name)["AttachedPolicies"]
    with pytest.raises(ClientError) as taken:
        iam.create_service_linked_role(AWSServiceName=service)
    error = taken.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidInput",
        f"Service role name {ROLES[service].name} has been taken in this account, please try a different suffix.",
    )
    with pytest.raises(ClientError, match=f"InvalidInput.*Custom suffix is not allowed for {service}"):
        iam.create_service_linked_role(AWSServiceName=service, CustomSuffix="mine")


def test_a_service_linked_role_of_another_service_is_created_once(iam):
    name = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")["Role"]["RoleName"]
    with pytest.raises(ClientError, match=f"InvalidInput.*Service role name {name} has been taken in this account"):
        iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com")


@pytest.mark.parametrize("service", list(ROLES))
def test_each_role_carries_its_policy_which_can_be_read(emulator, iam, service):
    emulator.services.roles.ensure_service_linked_role(ACCOUNT, service)
    (attached,) = iam.list_attached_role_policies(RoleName=ROLES[service].name)["AttachedPolicies"]
    assert attached["PolicyName"] == ROLES[service].policy
    policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    assert version["PolicyVersion"]["Document"]["Statement"]


def test_policies_of_aws_exist_with_and_without_enforcement(in_either_mode):
    name = "AmazonEC2ContainerRegistryPowerUser"
    arn = f"arn:aws:iam::aws:policy/{name}"
    assert in_either_mode.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == name
    pages = in_either_mode.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 1000})
    assert name in {policy["PolicyName"] for page in pages for policy in page["Policies"]}


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("delete_policy", {}),
        ("create_policy_version", {"PolicyDocument": TRUST}),
        ("delete_policy_version", {"VersionId": "v1"}),
        ("set_default_policy_version", {"VersionId": "v1"}),
        ("tag_policy", {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("untag_policy", {"TagKeys": ["k"]}),
    ],
)
def test_policies_of_aws_cannot_be_changed(iam, operation, arguments):
    before = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(iam, operation)(PolicyArn=READ_ONLY, **arguments)
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"] == before


def test_attachments_of_policies_of_aws_are_counted_in_each_account(emulator, iam):
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    other = client_of(emulator, "iam", account="210987654321")
    policies = [client.get_policy(PolicyArn=READ_ONLY)["Policy"] for client in (iam, other)]
    assert [policy["AttachmentCount"] for policy in policies] == [1, 0]
