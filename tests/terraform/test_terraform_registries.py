"""Terraform's resources of a registry: each is applied, changed, imported and destroyed without drift."""

from __future__ import annotations

import json

import pytest

from tests.support.terraform.registries import (
    AccountSetting,
    PullTimeUpdateExclusion,
    RegistryPolicy,
    RegistryScanningConfiguration,
    ReplicationConfiguration,
    SigningConfiguration,
)
from tests.support.terraform.rules import PullThroughCacheRule, RepositoryCreationTemplate
from tests.support.terraform.workspace import REPLACE, UPDATE, Workspace, walk

OTHER = "210987654321"
BLOCK = "encryption_configuration"
PREFIX = {"filter": "team", "filter_type": "PREFIX_MATCH"}
QUAY = {"ecr_repository_prefix": "quay", "upstream_registry_url": "quay.io"}
HUB = {"ecr_repository_prefix": "hub", "upstream_registry_url": "registry-1.docker.io"}
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
LIFECYCLE = json.dumps({"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]})
STATEMENT = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]}, indent=2)
TEMPLATE = {"prefix": "team", "applied_for": ["PULL_THROUGH_CACHE"]}


def wildcard(text):
    return {"filter": text, "filter_type": "WILDCARD"}


def test_aws_ecr_registry_policy(ecr, account):
    statement = {
        "Sid": "replicate",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"},
        "Action": ["ecr:ReplicateImage"],
        "Resource": [f"arn:aws:ecr:us-east-1:{account}:repository/*"],
    }
    more = statement | {"Sid": "create", "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"]}
    policies = [json.dumps({"Version": "2012-10-17", "Statement": each}) for each in ([statement], [statement, more])]
    state = walk(RegistryPolicy(ecr, account), *({"policy": policy} for policy in policies)).state
    assert state["registry_id"] == account


def test_aws_ecr_registry_scanning_configuration(ecr, account):
    scanning = RegistryScanningConfiguration(ecr, account)
    on_push = {"scan_frequency": "SCAN_ON_PUSH", "repository_filter": [wildcard("b*"), wildcard("a*")]}
    always = {"scan_frequency": "CONTINUOUS_SCAN", "repository_filter": [wildcard("prod*")]}
    workspace = Workspace(scanning)
    for config in (
        {"scan_type": "BASIC"},
        {"scan_type": "BASIC", "rule": [on_push]},
        {"scan_type": "ENHANCED", "rule": [on_push, always]},
        {"scan_type": "ENHANCED", "rule": [always, on_push]},
        {"scan_type": "BASIC", "rule": []},
    ):
        workspace.apply(config)
        for _ in range(2):
            assert workspace.plan(config) == ("no changes", set())
    imported = Workspace(scanning)
    imported.import_(account)
    assert imported.state == workspace.state
    workspace.apply({"scan_type": "ENHANCED", "rule": [always]})
    workspace.destroy()
    assert scanning.read(account) == {"registry_id": account, "scan_type": "BASIC", "rule": []}


def test_aws_ecr_replication_configuration(ecr, account):
    def configured(*rules):
        return {"replication_configuration": [{"rule": list(rules)}]}

    west = {"region": "us-west-2", "registry_id": account}
    abroad = {"region": "eu-west-1", "registry_id": OTHER}
    walk(
        ReplicationConfiguration(ecr, account),
        configured({"destination": [west], "repository_filter": []}),
        configured({"destination": [abroad, west], "repository_filter": [PREFIX]}),
        configured(
            {"destination": [west], "repository_filter": [PREFIX]},
            {"destination": [abroad], "repository_filter": []},
        ),
    )


def test_aws_ecr_signing_configuration(ecr, account):
    profile = f"arn:aws:signer:us-east-1:{account}:/signing-profiles/notation"
    all_images = {"signing_profile_arn": profile, "repository_filter": []}
    some = {"signing_profile_arn": profile, "repository_filter": [{"filter": "b/*", "filter_type": "WILDCARD_MATCH"}]}
    walk(SigningConfiguration(ecr, account), {"rule": [all_images]}, {"rule": [some]}, {"rule": [some, all_images]})


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", "AWS_NATIVE"), ("REGISTRY_POLICY_SCOPE", "V1", "V2")],
)
def test_aws_ecr_account_setting(ecr, name, first, second):
    workspace = Workspace(AccountSetting(ecr))
    for value in (first, second):
        workspace.apply({"name": name, "value": value})
        for _ in range(2):
            assert workspace.plan({"name": name, "value": value}) == ("no changes", set())
    imported = Workspace(AccountSetting(ecr))
    imported.import_(name)
    assert imported.state == {"name": name, "value": second}
    workspace.destroy()
    assert AccountSetting(ecr).read(name) == {"name": name, "value": second}, "the provider leaves it as it is"


def test_aws_ecr_pull_time_update_exclusion(ecr, service, account):
    trust = {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = service("iam")
    arns = [
        iam.create_role(RoleName=f"scanner-{number}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        for number in range(2)
    ]
    walk(PullTimeUpdateExclusion(ecr), {"principal_arn": arns[0]})
    workspace = Workspace(PullTimeUpdateExclusion(ecr))
    workspace.import_(arns[0])
    assert workspace.apply({"principal_arn": arns[1]}) == REPLACE
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [arns[1]]


# --- Rules and templates ---------------------------------------------------------------------------------


def test_aws_ecr_pull_through_cache_rule(ecr, account):
    state = walk(PullThroughCacheRule(ecr), QUAY).state
    assert state == QUAY | {
        "credential_arn": "",
        "custom_role_arn": "",
        "registry_id": account,
        "upstream_repository_prefix": "",
    }


def test_aws_ecr_pull_through_cache_rule_with_a_credential(ecr, service):
    content = json.dumps({"username": "ann", "accessToken": "secret"})
    arns = [
        service("secretsmanager").create_secret(Name=f"ecr-pullthroughcache/{name}", SecretString=content)["ARN"]
        for name in ("one", "two")
    ]
    walk(PullThroughCacheRule(ecr), *(HUB | {"credential_arn": arn} for arn in arns))


def test_aws_ecr_pull_through_cache_rule_with_a_role_and_an_upstream_prefix(ecr, account):
    upstream = f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com"
    rule = {"ecr_repository_prefix": "ours", "upstream_registry_url": upstream, "upstream_repository_prefix": "theirs"}
    roles = [{"custom_role_arn": f"arn:aws:iam::{account}:role/{name}"} for name in ("one", "two")]
    walk(PullThroughCacheRule(ecr), *(rule | role for role in roles))


def test_aws_ecr_pull_through_cache_rule_of_the_root(ecr):
    walk(PullThroughCacheRule(ecr), QUAY | {"ecr_repository_prefix": "ROOT"})


def test_aws_ecr_pull_through_cache_rule_is_replaced_for_another_upstream(ecr):
    workspace = Workspace(PullThroughCacheRule(ecr))
    workspace.apply(QUAY)
    assert workspace.apply(QUAY | {"upstream_registry_url": "public.ecr.aws"}) == REPLACE
    assert workspace.state["upstream_registry_url"] == "public.ecr.aws"


def test_aws_ecr_repository_creation_template_with_the_defaults(ecr, account):
    state = walk(RepositoryCreationTemplate(ecr), TEMPLATE).state
    assert state["registry_id"] == account
    assert state["encryption_configuration"] == [{"encryption_type": "AES256", "kms_key": ""}]


def test_aws_ecr_repository_creation_template_with_everything(ecr, service, account):
    key = service("kms").create_key()["KeyMetadata"]["Arn"]
    everything = TEMPLATE | {
        "applied_for": ["REPLICATION", "PULL_THROUGH_CACHE", "CREATE_ON_PUSH"],
        "custom_role_arn": f"arn:aws:iam::{account}:role/creator",
        "description": "of the team",
        BLOCK: [{"encryption_type": "KMS", "kms_key": key}],
        "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
        "image_tag_mutability_exclusion_filter": [wildcard("latest*")],
        "lifecycle_policy": LIFECYCLE,
        "repository_policy": POLICY,
        "resource_tags": {"team": "red"},
    }
    changed = {
        "description": "of another team",
        "image_tag_mutability": "MUTABLE_WITH_EXCLUSION",
        "image_tag_mutability_exclusion_filter": [wildcard("dev*"), wildcard("latest*")],
        "resource_tags": {"team": "blue", "stage": "test"},
    }
    walk(RepositoryCreationTemplate(ecr), everything, everything | changed, TEMPLATE, everything)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("description", "of the team"),
        ("custom_role_arn", "arn:aws:iam::123456789012:role/creator"),
        ("lifecycle_policy", LIFECYCLE),
        ("repository_policy", POLICY),
        ("resource_tags", {"team": "red"}),
        ("image_tag_mutability", "IMMUTABLE"),
    ],
)
def test_aws_ecr_repository_creation_template_loses_one_attribute(ecr, attribute, value):
    """The provider sends an empty text, or an empty list, for an attribute that was removed."""
    workspace = Workspace(RepositoryCreationTemplate(ecr))
    workspace.apply(TEMPLATE | {attribute: value})
    assert workspace.apply(TEMPLATE) == UPDATE
    assert workspace.plan(TEMPLATE) == ("no changes", set())


def test_aws_ecr_repository_creation_template_of_the_root(ecr):
    walk(RepositoryCreationTemplate(ecr), TEMPLATE | {"prefix": "ROOT"})
