"""The service-linked roles of ECR, as IAM shows them."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

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
    """The outcome of a deletion."""
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
def test_the_rules_of_another_account_keep_no_role(emulator, ecr, iam):
    other = client_of(emulator, "ecr", account="111122223333")
    for client in (ecr, other):
        client.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert deletion(iam)["Status"] == "SUCCEEDED"


def test_a_role_of_another_service_is_motos(iam):
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
        emulator._companions.reset()  # as a new process has it
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        assert client_of(emulator, "iam", account=ACCOUNT).list_roles()["Roles"] == []
        emulator.reset()


def test_a_deleted_service_linked_role_comes_back_with_the_next_rule(ecr, iam):
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert deletion(iam)["Status"] == "SUCCEEDED"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="k8s", upstreamRegistryUrl="registry.k8s.io")
    assert iam.get_role(RoleName=NAME)


def test_the_role_carries_its_policy_where_moto_has_it():
    code = f"""
from ecr_emulator.emulator import Emulator
from tests.support.boto import client_of
with Emulator() as emulator:
    emulator.services.roles.ensure_service_linked_role("{ACCOUNT}", "{SERVICE}")
    iam = client_of(emulator, "iam", account="{ACCOUNT}")
    attached = iam.list_attached_role_policies(RoleName="{NAME}")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AWSECRPullThroughCache_ServiceRolePolicy"]
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"})
