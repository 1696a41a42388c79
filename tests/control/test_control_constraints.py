"""Constraints of the model, and AWS's sentences for values that violate them."""

from __future__ import annotations

import pytest

from tests.support.refusals import refusal

NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
PREFIX = r"^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$"


def violation(call, member, rule, **request):
    expected = f"Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"
    assert refusal(call, **request) == ("InvalidParameterException", expected)


@pytest.mark.parametrize("name", ["Team/App", "a___b", "a..b", "-a", "a-", "a//b", "a/", "team/app\n", "größe"])
def test_a_repository_name_must_match_its_pattern(ecr, name):
    rule = f"must satisfy regular expression '{NAME}'"  # the sentence therefore ends with two quotes
    violation(ecr.create_repository, "repositoryName", rule, repositoryName=name)
    violation(ecr.list_images, "repositoryName", rule, repositoryName=name)


@pytest.mark.parametrize("operation", ["describe_repositories", "batch_get_repository_scanning_configuration"])
def test_a_repository_name_in_a_list_is_reported_like_a_single_one(ecr, operation):
    call = getattr(ecr, operation)
    pattern = f"must satisfy regular expression '{NAME}'"
    violation(call, "repositoryName", pattern, repositoryNames=["team/app", "Team/App"])
    violation(call, "repositoryName", "must have length greater than or equal to 2", repositoryNames=["a"])


@pytest.mark.parametrize("name", ["a1", "0a", "a--b", "a__b", "a.b_c-d/e", "a" * 256])
def test_names_that_match_the_pattern_are_accepted(ecr, name):
    assert ecr.create_repository(repositoryName=name)["repository"]["repositoryName"] == name


def test_a_repository_name_has_2_to_256_characters(ecr):
    bounds = {"a": "greater than or equal to 2", "a" * 257: "less than or equal to 256"}
    for name, bound in bounds.items():
        violation(ecr.create_repository, "repositoryName", f"must have length {bound}", repositoryName=name)


def test_required_members_must_not_be_null(ecr):
    violation(ecr.create_repository, "repositoryName", "Member must not be null")
    violation(
        ecr.create_repository,
        "encryptionConfiguration.encryptionType",
        "Member must not be null",
        repositoryName="team/app",
        encryptionConfiguration={},
    )


def test_newer_members_have_another_sentence_for_patterns(ecr):
    violation(
        ecr.create_pull_through_cache_rule,
        "ecrRepositoryPrefix",
        f"Member must satisfy regular expression pattern: {PREFIX}",
        ecrRepositoryPrefix="No/Good",
        upstreamRegistryUrl="quay.io",
    )


@pytest.mark.parametrize(("count", "bound"), [(0, "greater than or equal to 1"), (1001, "less than or equal to 1000")])
def test_numbers_have_bounds(ecr, count, bound):
    violation(ecr.describe_repositories, "maxResults", f"Member must have value {bound}", maxResults=count)


@pytest.mark.parametrize(
    ("names", "bound"), [([], "greater than or equal to 1"), (["ab"] * 101, "less than or equal to 100")]
)
def test_lists_have_bounds(ecr, names, bound):
    violation(ecr.describe_repositories, "repositoryNames", f"Member must have length {bound}", repositoryNames=names)


def test_enums_list_their_values(ecr):
    violation(
        ecr.create_repository,
        "imageTagMutability",
        "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
        repositoryName="team/app",
        imageTagMutability="FROZEN",
    )


def test_a_wrong_item_is_reported_with_the_path_of_its_list(ecr):
    violation(
        ecr.get_authorization_token,
        "registryIds",
        "Member must satisfy constraint: [Member must satisfy regular expression pattern: [0-9]{12}]",
        registryIds=["12345"],
    )
    violation(
        ecr.create_repository_creation_template,
        "appliedFor",
        "Member must satisfy constraint: "
        "[Member must satisfy enum value set: [REPLICATION, PULL_THROUGH_CACHE, CREATE_ON_PUSH]]",
        prefix="team",
        appliedFor=["SOMETHING"],
    )


def test_a_wrong_nested_member_is_reported_with_its_path(ecr):
    violation(
        ecr.create_repository,
        "imageTagMutabilityExclusionFilters.filter",
        "Member must satisfy regular expression pattern: ^[0-9a-zA-Z._*-]{1,128}$",
        repositoryName="team/app",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "a b"}],
    )


def test_the_first_failure_in_the_order_of_the_model_is_reported(ecr):
    violation(
        ecr.create_repository,
        "registryId",
        "Member must satisfy regular expression pattern: [0-9]{12}",
        repositoryName="B",
        registryId="12",
        imageTagMutability="FROZEN",
    )


def test_digits_are_ascii_digits(ecr):
    violation(
        ecr.describe_repositories,
        "registryId",
        "Member must satisfy regular expression pattern: [0-9]{12}",
        registryId="\N{ARABIC-INDIC DIGIT ONE}" * 12,
    )
