"""Repositories in the Resource Groups Tagging API, beside the resources of other services."""

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import client_of
from tests.support.iam_principals import IamAccount, allow, deny, enforcing

ACCOUNT = "123456789012"
OTHER = "210987654321"
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/"


@pytest.fixture
def emulator(shared_emulator):
    return shared_emulator


@pytest.fixture
def ecr(emulator):
    return client_of(emulator, account=ACCOUNT)


@pytest.fixture
def tagging(emulator):
    return client_of(emulator, "resourcegroupstaggingapi", account=ACCOUNT)


def create(ecr, name, **tags):
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return ecr.create_repository(repositoryName=name, tags=listed)["repository"]["repositoryArn"]


def arns(answer):
    return [each["ResourceARN"] for each in answer["ResourceTagMappingList"]]


def names(answer):
    return [arn.removeprefix(ARN) for arn in arns(answer)]


def refused(operation, **members):
    with pytest.raises(ClientError) as error:
        operation(**members)
    return error.value.response["Error"]["Code"]


# --- GetResources ----------------------------------------------------------------------------------------


def test_repositories_with_tags_are_listed(ecr, tagging):
    create(ecr, "team/a", team="a", env="dev")
    create(ecr, "team/plain")
    answer = tagging.get_resources()
    assert answer["ResourceTagMappingList"] == [
        {"ResourceARN": f"{ARN}team/a", "Tags": [{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "dev"}]}
    ]
    assert answer["PaginationToken"] == ""


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([{"Key": "team"}], ["aa", "bb", "cc"]),
        ([{"Key": "team", "Values": ["aa"]}], ["aa"]),
        ([{"Key": "team", "Values": ["aa", "bb"]}], ["aa", "bb"]),
        ([{"Key": "team", "Values": ["aa", "bb"]}, {"Key": "env", "Values": ["dev"]}], ["bb"]),
        ([{"Key": "Team"}], []),
    ],
)
def test_tag_filters(ecr, tagging, filters, found):
    for name, env in (("aa", "prod"), ("bb", "dev"), ("cc", "dev")):
        create(ecr, name, team=name, env=env)
    assert names(tagging.get_resources(TagFilters=filters)) == found


def test_type_filters_and_other_services(emulator, ecr, tagging):
    repository = create(ecr, "team/a", team="a")
    kms = client_of(emulator, "kms", account=ACCOUNT)
    key = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "a"}])["KeyMetadata"]["Arn"]
    assert arns(tagging.get_resources()) == [repository, key]
    assert arns(tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["a"]}])) == [repository, key]
    for filters, expected in (
        (["ecr"], [repository]),
        (["ecr:repository"], [repository]),
        (["kms:key"], [key]),
        (["ecr:repository", "kms"], [repository, key]),
        (["sqs"], []),
    ):
        assert arns(tagging.get_resources(ResourceTypeFilters=filters)) == expected


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ResourceTypeFilters": ["ecr", "ecr:foo"]}, "Unsupported type=foo in ResourceTypeFilter - ecr:foo"),
        ({"ExcludeCompliantResources": True}, "IncludeComplianceDetails"),
    ],
)
def test_what_aws_cannot_filter_by_is_refused(tagging, wrong, sentence):
    with pytest.raises(ClientError, match=f"InvalidParameterException.*{sentence}"):
        tagging.get_resources(**wrong)


def test_details_about_compliance_may_be_asked_for(ecr, tagging):
    arn = create(ecr, "app", team="a")
    assert arns(tagging.get_resources(IncludeComplianceDetails=True)) == [arn]


def test_arns(ecr, tagging):
    first, second = create(ecr, "aa", team="a"), create(ecr, "bb", team="b")
    assert arns(tagging.get_resources(ResourceARNList=[second])) == [second]
    assert arns(tagging.get_resources(ResourceARNList=[f"{first}x"])) == []
    assert (
        refused(tagging.get_resources, ResourceARNList=[first], TagFilters=[{"Key": "team"}])
        == "InvalidParameterException"
    )


def test_pages(ecr, tagging):
    for number in range(7):
        create(ecr, f"r{number}", number=str(number))
    pages = tagging.get_paginator("get_resources").paginate(ResourcesPerPage=3)
    assert [names(page) for page in pages] == [["r0", "r1", "r2"], ["r3", "r4", "r5"], ["r6"]]


def test_a_page_ends_before_it_has_too_many_tags(ecr, tagging):
    tags = {f"key{number}": "" for number in range(50)}
    for name in ("aa", "bb", "cc"):
        create(ecr, name, **tags)
    first = tagging.get_resources(TagsPerPage=100)
    assert names(first) == ["aa", "bb"]
    assert names(tagging.get_resources(TagsPerPage=100, PaginationToken=first["PaginationToken"])) == ["cc"]


def test_a_wrong_token_is_refused(tagging):
    for token in ("none", "MTIzNDU="):
        if token == "none":
            assert refused(tagging.get_resources, PaginationToken=token) == "PaginationTokenExpiredException"
        else:
            assert arns(tagging.get_resources(PaginationToken=token)) == []


def test_other_accounts_and_regions_see_their_own(emulator, ecr):
    create(ecr, "team/a", team="a")
    for where in ({"account": OTHER}, {"account": ACCOUNT, "region": "eu-west-1"}):
        assert arns(client_of(emulator, "resourcegroupstaggingapi", **where).get_resources()) == []


# --- Keys and values -------------------------------------------------------------------------------------


def test_keys_and_values_are_listed_once(emulator, ecr, tagging):
    create(ecr, "aa", team="a", env="dev")
    create(ecr, "bb", team="b", env="dev")
    client_of(emulator, "kms", account=ACCOUNT).create_key(Tags=[{"TagKey": "team", "TagValue": "c"}])
    assert tagging.get_tag_keys()["TagKeys"] == ["env", "team"]
    assert tagging.get_tag_values(Key="team")["TagValues"] == ["a", "b", "c"]
    assert tagging.get_tag_values(Key="env")["TagValues"] == ["dev"]
    assert tagging.get_tag_values(Key="none")["TagValues"] == []


def test_pages_of_keys(ecr, tagging):
    for number in range(3):
        create(ecr, f"r{number}", **{f"key{number}-{each:02}": "" for each in range(50)})
    pages = tagging.get_paginator("get_tag_keys").paginate()
    assert [len(page["TagKeys"]) for page in pages] == [128, 22]


# --- TagResources and UntagResources ---------------------------------------------------------------------


def test_tags_are_added_and_removed(emulator, ecr, tagging):
    arn = create(ecr, "team/a", team="a", env="dev")
    key = client_of(emulator, "kms", account=ACCOUNT).create_key()["KeyMetadata"]["Arn"]
    answer = tagging.tag_resources(ResourceARNList=[arn, key], Tags={"env": "prod", "cost": "1"})
    assert answer["FailedResourcesMap"] == {}
    tags = {each["Key"]: each["Value"] for each in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"team": "a", "env": "prod", "cost": "1"}
    assert arns(tagging.get_resources(TagFilters=[{"Key": "cost"}])) == [arn, key]
    assert tagging.untag_resources(ResourceARNList=[arn, key], TagKeys=["cost", "none"])["FailedResourcesMap"] == {}
    assert arns(tagging.get_resources(TagFilters=[{"Key": "cost"}])) == []


@pytest.mark.parametrize(
    ("arn", "tags", "sentence"),
    [
        (f"{ARN}none", {"a": "b"}, "The repository with name 'none' does not exist in the registry with id"),
        (f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/a", {"a": "b"}, "does not exist in the registry"),
        (f"arn:aws:ecr:us-east-1:{ACCOUNT}:image/a", {"a": "b"}, "Invalid ARN"),
        (f"{ARN}team/a", {"aws:a": "b"}, "Tag parameters are invalid"),
        (f"{ARN}team/a", {f"more{number}": "" for number in range(50)}, "The list of tags on the repository is over"),
        (f"arn:aws:nothing:us-east-1:{ACCOUNT}:thing/a", {"a": "b"}, "does not know a service"),
    ],
)
def test_failures_are_listed_and_change_nothing(ecr, tagging, arn, tags, sentence):
    own, good = create(ecr, "team/a", team="a"), create(ecr, "team/good")
    answer = tagging.tag_resources(ResourceARNList=[arn, good], Tags=tags)
    failures = answer["FailedResourcesMap"]
    assert failures[arn]["ErrorCode"] == "InvalidParameterException"
    assert failures[arn]["StatusCode"] == 400
    assert sentence in failures[arn]["ErrorMessage"]
    assert ecr.list_tags_for_resource(resourceArn=own)["tags"] == [{"Key": "team", "Value": "a"}]
    assert (good in failures) == ("aws:a" in tags)


def test_too_much_in_one_request_is_refused(tagging):
    assert (
        refused(tagging.tag_resources, ResourceARNList=[f"{ARN}{number}" for number in range(21)], Tags={"a": "b"})
        == "InvalidParameterException"
    )
    assert refused(tagging.tag_resources, ResourceARNList=["team/a"], Tags={"a": "b"}) == "InvalidParameterException"


# --- Permissions -----------------------------------------------------------------------------------------


def test_tagging_needs_the_permissions_of_both_services():
    with enforcing() as emulator:
        iam = IamAccount(emulator)
        arn = create(iam.root().ecr, "team/a", team="a")
        reader = iam.user(allow("tag:GetResources")).client("resourcegroupstaggingapi")
        assert arns(reader.get_resources()) == [arn]
        assert refused(reader.get_tag_keys) == "AccessDeniedException"
        assert refused(reader.tag_resources, ResourceARNList=[arn], Tags={"a": "b"}) == "AccessDeniedException"
        half = iam.user(allow("tag:*", "ecr:*"), deny("TagResource")).client("resourcegroupstaggingapi")
        failure = half.tag_resources(ResourceARNList=[arn], Tags={"a": "b"})["FailedResourcesMap"][arn]
        assert failure["ErrorCode"] == "AccessDeniedException"
        assert "ecr:TagResource" in failure["ErrorMessage"]
        owner = iam.user(allow("tag:TagResources", "TagResource")).client("resourcegroupstaggingapi")
        assert owner.tag_resources(ResourceARNList=[arn], Tags={"a": "b"})["FailedResourcesMap"] == {}
