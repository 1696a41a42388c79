"""Resource tags through boto3."""

from __future__ import annotations

import pytest

from tests.support.refusals import refusal

INVALID = ("InvalidTagParameterException", "Tag parameters are invalid")


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def many(count):
    return [{"Key": f"key-{number}", "Value": ""} for number in range(count)]


@pytest.fixture
def arn(ecr):
    answer = ecr.create_repository(repositoryName="team/app", tags=tags(team="blue"))
    return answer["repository"]["repositoryArn"]


def test_tags_are_merged_by_key(ecr, arn):
    ecr.tag_resource(resourceArn=arn, tags=tags(team="red", cost="42"))
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == tags(team="red", cost="42")


def test_untagging_ignores_absent_keys(ecr, arn):
    ecr.untag_resource(resourceArn=arn, tagKeys=["team", "absent"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []


@pytest.mark.parametrize("key", ["", "k" * 129, "aws:mine", "AWS:mine", "semi;colon", "new\nline"])
def test_keys_have_lengths_characters_and_a_reserved_prefix(ecr, arn, key):
    given = [{"Key": key, "Value": "x"}]
    assert refusal(ecr.tag_resource, resourceArn=arn, tags=given) == INVALID
    assert refusal(ecr.create_repository, repositoryName="other/app", tags=given) == INVALID


@pytest.mark.parametrize("value", ["v" * 257, "semi;colon"])
def test_values_have_lengths_and_characters(ecr, arn, value):
    assert refusal(ecr.tag_resource, resourceArn=arn, tags=tags(key=value)) == INVALID


def test_letters_of_all_languages_and_some_signs_are_valid(ecr, arn):
    ecr.tag_resource(resourceArn=arn, tags=tags(größe="a b+-=._:/@", leer=""))


def test_a_duplicate_key_is_refused(ecr, arn):
    assert refusal(ecr.tag_resource, resourceArn=arn, tags=tags(a="1") + tags(a="2")) == INVALID


def test_a_repository_has_at_most_50_tags(ecr, arn):
    ecr.tag_resource(resourceArn=arn, tags=many(49))
    assert refusal(ecr.tag_resource, resourceArn=arn, tags=tags(more=""))[0] == "TooManyTagsException"
    assert refusal(ecr.create_repository, repositoryName="other/app", tags=many(51))[0] == "TooManyTagsException"
    ecr.tag_resource(resourceArn=arn, tags=tags(team="red"))


OPERATIONS = {"tag_resource": {"tags": []}, "untag_resource": {"tagKeys": []}, "list_tags_for_resource": {}}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("wrong", ["nonsense", "arn:aws:ecr:us-east-1:000000000000:rule/x", "arn:aws:s3:::bucket"])
def test_the_arn_must_be_of_a_repository(ecr, operation, wrong):
    assert refusal(getattr(ecr, operation), resourceArn=wrong, **OPERATIONS[operation]) == (
        "InvalidParameterException",
        "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
    )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "place", ["us-east-1:000000000000:repository/nowhere", "eu-west-1:000000000000:repository/team/app"]
)
def test_the_repository_must_be_in_this_region(ecr, arn, operation, place):
    name = place.partition("repository/")[2]
    assert refusal(getattr(ecr, operation), resourceArn=f"arn:aws:ecr:{place}", **OPERATIONS[operation]) == (
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '000000000000'",
    )


def test_the_arn_selects_the_account(ecr_of, arn):
    assert ecr_of("111122223333").list_tags_for_resource(resourceArn=arn)["tags"] == tags(team="blue")
