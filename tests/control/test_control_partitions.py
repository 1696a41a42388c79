"""Partitions of AWS: each has its own ARNs and host names, and those of other partitions are not found or refused."""

from __future__ import annotations

import json

import pytest

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.domain.names import Registry
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
HOME = "us-east-1"
NAME = "team/app"
PARTITIONS = {
    "eu-central-1": ("aws", "amazonaws.com"),
    "cn-north-1": ("aws-cn", "amazonaws.com.cn"),
    "us-gov-west-1": ("aws-us-gov", "amazonaws.com"),
    "us-iso-east-1": ("aws-iso", "c2s.ic.gov"),
    "us-isob-east-1": ("aws-iso-b", "sc2s.sgov.gov"),
    "eu-isoe-west-1": ("aws-iso-e", "cloud.adc-e.uk"),
    "us-isof-south-1": ("aws-iso-f", "csp.hci.ic.gov"),
    "eusc-de-east-1": ("aws-eusc", "amazonaws.eu"),
}
OTHERS = ["aws-cn", "aws-us-gov", "aws-iso", "aws-other"]
TAGGING = {"tag_resource": {"tags": []}, "untag_resource": {"tagKeys": []}, "list_tags_for_resource": {}}


@pytest.mark.parametrize("region", PARTITIONS)
def test_each_partition_has_its_own_names(ecr_of, region):
    partition, suffix = PARTITIONS[region]
    ecr = ecr_of(region=region)
    arn = ecr.create_repository(repositoryName=NAME)["repository"]["repositoryArn"]
    assert arn == f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/{NAME}"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "blue"}])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "blue"}]
    registry = Registry(ACCOUNT, region)
    assert registry.host == f"{ACCOUNT}.dkr.ecr.{region}.{suffix}"
    assert registry_of_host(registry.host) == registry


@pytest.mark.parametrize("partition", OTHERS)
@pytest.mark.parametrize("operation", TAGGING)
def test_a_repository_of_another_partition_is_not_found(ecr, operation, partition):
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "blue"}])
    arn = f"arn:{partition}:ecr:{HOME}:{ACCOUNT}:repository/{NAME}"
    assert refusal(getattr(ecr, operation), resourceArn=arn, **TAGGING[operation]) == (
        "RepositoryNotFoundException",
        f"The repository with name '{NAME}' does not exist in the registry with id '{ACCOUNT}'",
    )


def test_a_repository_of_the_commercial_partition_is_not_found_in_china(ecr_of):
    ecr = ecr_of(region="cn-north-1")
    ecr.create_repository(repositoryName=NAME)
    arn = f"arn:aws:ecr:cn-north-1:{ACCOUNT}:repository/{NAME}"
    assert refusal(ecr.list_tags_for_resource, resourceArn=arn)[0] == "RepositoryNotFoundException"


@pytest.mark.parametrize("partition", OTHERS)
@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
def test_a_policy_with_a_principal_of_another_partition_is_refused(ecr, element, partition):
    ecr.create_repository(repositoryName=NAME)
    known = f"arn:aws:iam::{ACCOUNT}:root"
    statement = {"Effect": "Allow", element: {"AWS": [known, f"arn:{partition}:iam::{ACCOUNT}:role/ci"]}}
    policy = json.dumps({"Statement": [statement | {"Action": "ecr:BatchGetImage"}]})
    invalid = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    assert refusal(ecr.set_repository_policy, repositoryName=NAME, policyText=policy) == (
        "InvalidParameterException",
        invalid,
    )


@pytest.mark.parametrize("partition", OTHERS)
def test_a_role_of_another_partition_is_refused(ecr, partition):
    role = f"arn:{partition}:iam::{ACCOUNT}:role/pull"
    refused = (
        "InvalidParameterException",
        "Invalid parameter at 'customRoleArn' failed to satisfy constraint: "
        "'The role must be in the same account as the registry that you are configuring'",
    )
    url = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
    assert (
        refusal(
            ecr.create_pull_through_cache_rule, ecrRepositoryPrefix="ecr", upstreamRegistryUrl=url, customRoleArn=role
        )
        == refused
    )
    template = {"prefix": "team", "appliedFor": ["REPLICATION"]}
    assert refusal(ecr.create_repository_creation_template, **template, customRoleArn=role) == refused
    ecr.create_repository_creation_template(**template)
    assert refusal(ecr.update_repository_creation_template, prefix="team", customRoleArn=role) == refused


@pytest.mark.parametrize("partition", OTHERS)
def test_a_key_of_another_partition_is_refused(ecr, partition):
    key = f"arn:{partition}:kms:{HOME}:{ACCOUNT}:key/1234"
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    assert refusal(ecr.create_repository, repositoryName=NAME, encryptionConfiguration=encryption) == (
        "KmsException",
        f"Invalid arn {key}",
    )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234", "eu-west-1"),
        (f"arn:aws-cn:kms:{HOME}:{ACCOUNT}:key/1234", f"arn:aws-cn:kms:{HOME}:{ACCOUNT}:key/1234"),
    ],
)
def test_a_template_with_an_invalid_key_is_refused(ecr, key, reason):
    refused = (
        "InvalidParameterException",
        "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: "
        f"'Invalid encryption configuration: Invalid arn {reason}'",
    )
    template = {"prefix": "team", "appliedFor": ["REPLICATION"]}
    wrong = {"encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": key}}
    assert refusal(ecr.create_repository_creation_template, **template, **wrong) == refused
    ecr.create_repository_creation_template(**template)
    assert refusal(ecr.update_repository_creation_template, prefix="team", **wrong) == refused


@pytest.mark.parametrize("partition", OTHERS)
def test_a_secret_of_another_partition_is_refused(ecr, partition):
    secret = f"arn:{partition}:secretsmanager:{HOME}:{ACCOUNT}:secret:ecr-pullthroughcache/hub-AbCdEf"
    request = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": secret}
    code, message = refusal(ecr.create_pull_through_cache_rule, **request)
    assert code == "SecretNotFoundException"
    assert "Please verify the secret exists in the same region and account" in message


@pytest.mark.parametrize("partition", OTHERS)
def test_a_signing_profile_of_another_partition_is_refused(ecr, partition):
    profile = f"arn:{partition}:signer:{HOME}:{ACCOUNT}:/signing-profiles/first"
    configuration = {"rules": [{"signingProfileArn": profile}]}
    assert refusal(ecr.put_signing_configuration, signingConfiguration=configuration) == (
        "InvalidParameterException",
        "Invalid parameter at 'signingProfileArn' failed to satisfy constraint: "
        f"'The partition of signing profile ARN '{profile}' is '{partition}' but must be 'aws' "
        "(the current partition)'",
    )


@pytest.mark.parametrize("partition", OTHERS)
def test_a_principal_of_another_partition_is_not_excluded(ecr, partition):
    principal = f"arn:{partition}:iam::{ACCOUNT}:role/scanner"
    assert refusal(ecr.register_pull_time_update_exclusion, principalArn=principal) == (
        "InvalidParameterException",
        "Invalid parameter at 'principalArn' failed to satisfy constraint: 'Invalid ARN'",
    )
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []
