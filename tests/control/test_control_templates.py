"""Repository creation templates through boto3."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ecr_emulator.control.operations import templates
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/creator"
POLICY = """{
  "Version" : "2008-10-17",
  "Statement" : [ {
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : "ecr:BatchGetImage"
  } ]
}"""
UNTAGGED_EXPIRE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
    "action": {"type": "expire"},
}
EVERYTHING = {
    "prefix": "team",
    "description": "what the team needs",
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": KEY},
    "resourceTags": [{"Key": "team", "Value": "blue"}],
    "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
    "repositoryPolicy": POLICY,
    "lifecyclePolicy": json.dumps({"rules": [UNTAGGED_EXPIRE]}, separators=(",", ":")),
    "appliedFor": ["PULL_THROUGH_CACHE", "CREATE_ON_PUSH"],
    "customRoleArn": ROLE,
}


def create(ecr, prefix="team", **more):
    request = {"prefix": prefix, "appliedFor": ["PULL_THROUGH_CACHE"]} | more
    return ecr.create_repository_creation_template(**request)["repositoryCreationTemplate"]


def refused(ecr, **more):
    return refusal(
        ecr.create_repository_creation_template, **({"prefix": "team", "appliedFor": ["REPLICATION"]} | more)
    )


def update(ecr, **more):
    return ecr.update_repository_creation_template(prefix="team", **more)["repositoryCreationTemplate"]


def described(ecr, **more):
    return ecr.describe_repository_creation_templates(**more)["repositoryCreationTemplates"]


def not_found(prefix):
    return (
        "TemplateNotFoundException",
        f"The repository creation template with the prefix '{prefix}' "
        f"does not exist in the registry with id '{ACCOUNT}'",
    )


def invalid(member, rule):
    return "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"


def test_a_template_has_the_defaults(ecr, clock, plane):
    template = create(ecr)
    assert template == {
        "prefix": "team",
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
        "appliedFor": ["PULL_THROUGH_CACHE"],
        "createdAt": clock.now(),
        "updatedAt": clock.now(),
    }
    assert plane.roles.ensured == [(ACCOUNT, "ecr.amazonaws.com")]


def test_a_template_has_the_requested_settings(ecr, clock):
    template = create(ecr, **EVERYTHING)
    assert template == EVERYTHING | {"createdAt": clock.now(), "updatedAt": clock.now()}
    assert described(ecr) == [template]


def test_a_repository_policy_is_printed_as_a_repository_answers_it(ecr):
    statement = {"Action": ["ecr:BatchGetImage"], "Principal": "*", "Effect": "Allow"}
    sent = json.dumps({"Statement": [statement]})
    assert create(ecr, repositoryPolicy=sent)["repositoryPolicy"] == POLICY
    assert described(ecr)[0]["repositoryPolicy"] == POLICY
    update(ecr, repositoryPolicy="")
    assert update(ecr, repositoryPolicy=sent)["repositoryPolicy"] == POLICY


def test_a_prefix_is_taken_once(ecr):
    create(ecr, "team/")
    create(ecr, "ROOT")
    assert refused(ecr) == (
        "TemplateAlreadyExistsException",
        f"The repository creation template with the prefix 'team' already exists in the registry with id '{ACCOUNT}'",
    )


def test_a_template_with_tags_or_keys_but_no_role_can_be_created(ecr):
    create(ecr, resourceTags=EVERYTHING["resourceTags"], encryptionConfiguration=EVERYTHING["encryptionConfiguration"])


def test_a_registry_has_a_limit(ecr, monkeypatch):
    monkeypatch.setattr(templates, "MAX_TEMPLATES", 1)
    create(ecr)
    assert refused(ecr, prefix="other")[0] == "LimitExceededException"
    assert len(described(ecr)) == 1


def test_govcloud_has_no_templates(ecr_of):
    ecr = ecr_of(region="us-gov-west-1")
    assert refused(ecr) == ("ValidationException", "Repository creation templates are not supported in this Region")
    assert described(ecr) == []


@pytest.mark.parametrize(
    ("given", "member", "rule"),
    [
        ({"appliedFor": []}, "appliedFor", "Member must have length greater than or equal to 1"),
        (
            {"resourceTags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
            "resourceTags",
            "Member must have length less than or equal to 50",
        ),
        ({"resourceTags": [{"Key": "aws:x", "Value": ""}]}, "resourceTags", "Tag parameters are invalid"),
        (
            {"encryptionConfiguration": {"encryptionType": "AES256", "kmsKey": KEY}},
            "encryptionConfiguration",
            "Invalid encryption configuration: Encryption key should not be set for AES256 encryption.",
        ),
        (
            {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"},
            "imageTagMutabilityExclusionFilters",
            "ImageTagMutabilityExclusionFilters can't be null "
            "when imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION",
        ),
        (
            {"imageTagMutabilityExclusionFilters": EVERYTHING["imageTagMutabilityExclusionFilters"]},
            "imageTagMutabilityExclusionFilters",
            "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as MUTABLE",
        ),
        ({"repositoryPolicy": "[]"}, "PolicyText", "Invalid repository policy provided"),
        (
            {"repositoryPolicy": POLICY.replace("ecr:", "s3:")},
            "PolicyText",
            "Invalid repository policy provided",
        ),
        (
            {"repositoryPolicy": POLICY.replace('"Effect"', '"Resource": "*", "Effect"')},
            "PolicyText",
            "Invalid repository policy provided",
        ),
        (
            {"repositoryPolicy": POLICY + " " * 10_240},
            "repositoryPolicy",
            "Member must have length less than or equal to 10240",
        ),
        (
            {"lifecyclePolicy": "no json"},
            "LifecyclePolicyText",
            "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy.",
        ),
        ({"customRoleArn": "nonsense"}, "customRoleArn", "Invalid ARN"),
    ],
)
def test_invalid_settings_are_refused(ecr, given, member, rule):
    assert refused(ecr, **given) == invalid(member, rule)


def test_a_key_must_be_named_by_its_arn(ecr):
    code, message = refused(ecr, encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/mine"})
    assert code == "InvalidParameterException"
    assert message.startswith("Invalid parameter at 'encryptionConfiguration.kmsKey'")


# --- Describe --------------------------------------------------------------------------------------------


def test_templates_come_in_pages_in_order_of_prefix(ecr):
    for prefix in ("c3", "a1", "b2"):
        create(ecr, prefix)
    paginator = ecr.get_paginator("describe_repository_creation_templates")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 2}))
    assert [[each["prefix"] for each in page["repositoryCreationTemplates"]] for page in pages] == [
        ["a1", "b2"],
        ["c3"],
    ]


def test_unknown_prefixes_are_left_out(ecr):
    create(ecr)
    assert [each["prefix"] for each in described(ecr, prefixes=["team/", "nowhere"])] == ["team"]


# --- Update ----------------------------------------------------------------------------------------------


def test_an_update_keeps_settings_that_it_does_not_mention(ecr, clock):
    before = create(ecr, **EVERYTHING)
    clock.advance(timedelta(hours=1))
    after = update(ecr, description="something else")
    assert after == before | {"description": "something else", "updatedAt": clock.now()}
    assert described(ecr) == [after]


def test_an_empty_text_removes_a_setting(ecr):
    create(ecr, **EVERYTHING)
    after = update(
        ecr,
        description="",
        repositoryPolicy="",
        lifecyclePolicy="",
        customRoleArn="",
        resourceTags=[],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": ""},
    )
    gone = {"description", "repositoryPolicy", "lifecyclePolicy", "customRoleArn", "resourceTags"}
    assert not gone & after.keys()
    assert after["encryptionConfiguration"] == {"encryptionType": "KMS"}


def test_mutability_changes_as_a_whole(ecr):
    create(ecr, **EVERYTHING)
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    assert update(ecr, imageTagMutabilityExclusionFilters=filters)["imageTagMutabilityExclusionFilters"] == filters
    assert "imageTagMutabilityExclusionFilters" not in update(ecr, imageTagMutability="MUTABLE")


def test_an_update_needs_a_template(ecr):
    assert refusal(ecr.update_repository_creation_template, prefix="team") == not_found("team")


# --- Delete ----------------------------------------------------------------------------------------------


def test_the_answer_to_the_deletion_of_a_template_describes_it(ecr):
    template = create(ecr, **EVERYTHING)
    answer = ecr.delete_repository_creation_template(prefix="team")
    assert (answer["registryId"], answer["repositoryCreationTemplate"]) == (ACCOUNT, template)
    assert refusal(ecr.delete_repository_creation_template, prefix="team") == not_found("team")
