"""The resource types of ECR that are settings of a registry: rules, templates, policies and configurations."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.support.stacks import refusal, repository, template

PREFIX = "AWS::ECR::"


def policy(place, action="ecr:ReplicateImage"):
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{place.account}:root"},
        "Action": action,
        "Resource": f"arn:aws:ecr:{place.region}:{place.account}:repository/*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def outputs(*attributes):
    found = {name.replace(".", ""): {"Value": {"Fn::GetAtt": ["R", name]}} for name in attributes}
    return {"Ref": {"Value": {"Ref": "R"}}, **found}


def stack(kind, *attributes, **properties):
    return template({"R": {"Type": PREFIX + kind, "Properties": properties}}, Outputs=outputs(*attributes))


def test_a_pull_through_cache_rule(aws):
    rule = {"EcrRepositoryPrefix": "quay", "UpstreamRegistryUrl": "quay.io"}
    aws.create("s", stack("PullThroughCacheRule", **rule))
    (found,) = aws.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert (found["ecrRepositoryPrefix"], found["upstreamRegistryUrl"]) == ("quay", "quay.io")
    assert aws.outputs("s") == {"Ref": "quay"}

    reason = aws.fail_to_update("s", stack("PullThroughCacheRule", **{**rule, "UpstreamRegistryUrl": "ghcr.io"}))
    assert "custom-named resource requires replacing. Rename s/quay and" in reason
    aws.update("s", stack("PullThroughCacheRule", **{**rule, "EcrRepositoryPrefix": "other"}))
    rules = aws.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert [each["ecrRepositoryPrefix"] for each in rules] == ["other"]
    aws.delete("s")
    assert aws.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"] == []


def test_a_pull_through_cache_rule_with_a_secret_of_the_stack(aws):
    secret = {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "Name": "ecr-pullthroughcache/hub",
            "SecretString": json.dumps({"username": "u", "accessToken": "t"}),
        },
    }
    rule = {
        "Type": PREFIX + "PullThroughCacheRule",
        "Properties": {
            "EcrRepositoryPrefix": "docker-hub",
            "UpstreamRegistryUrl": "registry-1.docker.io",
            "CredentialArn": {"Ref": "Secret"},
        },
    }
    aws.create("s", template({"Rule": rule, "Secret": secret}))
    (found,) = aws.ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert found["credentialArn"] == aws.physical_id("s", "Secret")
    aws.delete("s")
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []


def test_a_rule_that_needs_a_secret_fails_with_the_sentence_of_ecr(aws):
    rule = {"EcrRepositoryPrefix": "docker-hub", "UpstreamRegistryUrl": "registry-1.docker.io"}
    with pytest.raises(ClientError) as refused:
        aws.ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="docker-hub", upstreamRegistryUrl="registry-1.docker.io"
        )
    sentence = refused.value.response["Error"]["Message"]
    assert sentence in aws.fail_to_create("s", stack("PullThroughCacheRule", **rule))


def test_a_rule_without_a_prefix_fails(aws):
    reason = aws.fail_to_create("s", stack("PullThroughCacheRule", UpstreamRegistryUrl="quay.io"))
    assert "required key [EcrRepositoryPrefix] not found" in reason


def test_a_creation_template(aws):
    properties = {
        "Prefix": "team",
        "AppliedFor": ["PULL_THROUGH_CACHE", "CREATE_ON_PUSH"],
        "Description": "of the team",
        "ImageTagMutability": "IMMUTABLE",
        "ResourceTags": [{"Key": "k", "Value": "v"}],
    }
    aws.create("s", stack("RepositoryCreationTemplate", "CreatedAt", "UpdatedAt", **properties))
    (found,) = aws.ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert (found["prefix"], found["description"], found["imageTagMutability"]) == ("team", "of the team", "IMMUTABLE")
    assert found["resourceTags"] == [{"Key": "k", "Value": "v"}]
    assert aws.outputs("s")["Ref"] == "team"
    assert aws.outputs("s")["CreatedAt"].startswith(found["createdAt"].strftime("%Y-"))

    aws.update("s", stack("RepositoryCreationTemplate", Prefix="team", AppliedFor=["REPLICATION"]))
    (found,) = aws.ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]
    assert found["appliedFor"] == ["REPLICATION"]
    assert found.get("description", "") == ""
    assert found["imageTagMutability"] == "MUTABLE"
    assert found.get("resourceTags", []) == []
    aws.delete("s")
    assert aws.ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []


def test_a_registry_policy(aws):
    aws.create("s", stack("RegistryPolicy", "RegistryId", PolicyText=policy(aws)))
    assert json.loads(aws.ecr.get_registry_policy()["policyText"]) == policy(aws)
    assert aws.outputs("s") == {"Ref": aws.account, "RegistryId": aws.account}
    aws.update("s", stack("RegistryPolicy", PolicyText=json.dumps(policy(aws, "ecr:CreateRepository"))))
    assert json.loads(aws.ecr.get_registry_policy()["policyText"]) == policy(aws, "ecr:CreateRepository")
    aws.delete("s")
    with pytest.raises(aws.ecr.exceptions.RegistryPolicyNotFoundException):
        aws.ecr.get_registry_policy()


def test_a_replication_configuration(aws):
    rule = {
        "Destinations": [{"Region": "eu-west-1", "RegistryId": {"Ref": "AWS::AccountId"}}],
        "RepositoryFilters": [{"Filter": "prod", "FilterType": "PREFIX_MATCH"}],
    }
    aws.create("s", stack("ReplicationConfiguration", "RegistryId", ReplicationConfiguration={"Rules": [rule]}))
    assert aws.ecr.describe_registry()["replicationConfiguration"]["rules"] == [
        {
            "destinations": [{"region": "eu-west-1", "registryId": aws.account}],
            "repositoryFilters": [{"filter": "prod", "filterType": "PREFIX_MATCH"}],
        }
    ]
    aws.delete("s")
    assert aws.ecr.describe_registry()["replicationConfiguration"]["rules"] == []


def test_a_scanning_configuration(aws):
    rule = {
        "ScanFrequency": "SCAN_ON_PUSH",
        "RepositoryFilters": [{"Filter": "prod*", "FilterType": "WILDCARD"}],
    }
    aws.create("s", stack("RegistryScanningConfiguration", "RegistryId", ScanType="BASIC", Rules=[rule]))
    found = aws.ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    assert found["rules"][0]["repositoryFilters"] == [{"filter": "prod*", "filterType": "WILDCARD"}]
    aws.delete("s")
    assert aws.ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == []


def test_a_signing_configuration(aws):
    profile = f"arn:aws:signer:{aws.region}:{aws.account}:/signing-profiles/profile"
    rule = {
        "SigningProfileArn": profile,
        "RepositoryFilters": [{"Filter": "prod*", "FilterType": "WILDCARD_MATCH"}],
    }
    aws.create("s", stack("SigningConfiguration", "RegistryId", Rules=[rule]))
    found = aws.ecr.get_signing_configuration()["signingConfiguration"]["rules"]
    assert found[0]["signingProfileArn"] == profile
    aws.update("s", stack("SigningConfiguration", Rules=[{"SigningProfileArn": profile}]))
    assert "repositoryFilters" not in aws.ecr.get_signing_configuration()["signingConfiguration"]["rules"][0]
    aws.delete("s")
    with pytest.raises(aws.ecr.exceptions.SigningConfigurationNotFoundException):
        aws.ecr.get_signing_configuration()


def test_a_pull_time_update_exclusion(aws):
    role = f"arn:aws:iam::{aws.account}:role/scanner"
    aws.create("s", stack("PullTimeUpdateExclusion", PrincipalArn=role))
    assert aws.ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [role]
    assert aws.outputs("s") == {"Ref": role}
    aws.update("s", stack("PullTimeUpdateExclusion", PrincipalArn=f"{role}2"))
    assert aws.ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [f"{role}2"]
    aws.delete("s")
    assert aws.ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("RegistryPolicy", lambda place: {"PolicyText": policy(place)}),
        (
            "ReplicationConfiguration",
            lambda place: {
                "ReplicationConfiguration": {
                    "Rules": [{"Destinations": [{"Region": "eu-west-1", "RegistryId": place.account}]}]
                }
            },
        ),
        ("PullThroughCacheRule", lambda _: {"EcrRepositoryPrefix": "quay", "UpstreamRegistryUrl": "quay.io"}),
        ("RepositoryCreationTemplate", lambda _: {"Prefix": "team", "AppliedFor": ["REPLICATION"]}),
        ("PullTimeUpdateExclusion", lambda place: {"PrincipalArn": f"arn:aws:iam::{place.account}:role/r"}),
    ],
    ids=["policy", "replication", "rule", "template", "exclusion"],
)
def test_what_another_stack_has_made_fails_and_stays(aws, kind, properties):
    body = stack(kind, **properties(aws))
    aws.create("first", body)
    reason = aws.fail_to_create("second", body)
    assert f"Resource of type 'AWS::ECR::{kind}' with identifier '" in reason
    assert "already exists. " in reason.replace('"', " ")
    assert aws.stack("second")["StackStatus"] == "ROLLBACK_COMPLETE"
    aws.delete("first")


def test_public_repositories_are_refused_with_a_reason(aws):
    body = template({"Repo": repository(), "R": {"Type": "AWS::ECR::PublicRepository"}})
    for call, arguments in ((aws.cloudformation.create_stack, {"StackName": "s"}),):
        assert refusal(call, TemplateBody=body, **arguments) == (
            "Template format error: Unrecognized resource types: [AWS::ECR::PublicRepository]. "
            "This emulator has private registries only, and no Amazon ECR Public."
        )
    assert aws.repositories() == []
