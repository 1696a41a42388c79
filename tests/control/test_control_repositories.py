"""Repositories through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from ecr_emulator.services import repository_deletions
from tests.support.images import an_image, put_image
from tests.support.refusals import refusal

ACCOUNT = "000000000000"
FILTERS = [{"filterType": "WILDCARD", "filter": "latest*"}]


def names(answer):
    return [repository["repositoryName"] for repository in answer["repositories"]]


def not_found(name, account=ACCOUNT):
    return (
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{account}'",
    )


def invalid(member, rule):
    return "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"


# --- Create ----------------------------------------------------------------------------------------------


def test_a_new_repository_has_the_defaults(ecr, clock):
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert repository == {
        "repositoryArn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": "localhost:4566/team/app",
        "createdAt": clock.now(),
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert ecr.describe_repositories()["repositories"] == [repository]


def test_a_new_repository_has_the_requested_settings(ecr):
    repository = ecr.create_repository(
        repositoryName="team/app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=FILTERS,
        imageScanningConfiguration={"scanOnPush": True},
    )["repository"]
    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["imageTagMutabilityExclusionFilters"] == FILTERS
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}


def test_a_name_is_taken_once_in_each_registry(ecr, ecr_of):
    ecr.create_repository(repositoryName="team/app")
    assert refusal(
        ecr.create_repository, repositoryName="team/app", encryptionConfiguration={"encryptionType": "KMS_DSSE"}
    ) == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'",
    )
    ecr_of("111122223333").create_repository(repositoryName="team/app")
    ecr_of(region="eu-west-1").create_repository(repositoryName="team/app")


def test_a_registry_has_a_limit(ecr, monkeypatch):
    monkeypatch.setattr("ecr_emulator.services.repositories.MAX_REPOSITORIES", 2)
    ecr.create_repository(repositoryName="first")
    ecr.create_repository(repositoryName="second")
    assert refusal(ecr.create_repository, repositoryName="third") == (
        "LimitExceededException",
        f"The registry with id '{ACCOUNT}' already has the maximum allowed number of repositories which is '2'",
    )


def test_partitions_have_their_own_names(ecr_of):
    repository = ecr_of(region="cn-north-1").create_repository(repositoryName="team/app")["repository"]
    assert repository["repositoryArn"] == f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/team/app"


# --- Tag mutability --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["MUTABLE", "IMMUTABLE"])
def test_filters_need_a_mode_with_exclusion(ecr, mode):
    rule = f"ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set as {mode}"
    assert refusal(
        ecr.create_repository,
        repositoryName="team/app",
        imageTagMutability=mode,
        imageTagMutabilityExclusionFilters=FILTERS,
    ) == invalid("imageTagMutabilityExclusionFilters", rule)


@pytest.mark.parametrize("mode", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
def test_a_mode_with_exclusion_needs_filters(ecr, mode):
    rule = f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {mode}"
    assert refusal(ecr.create_repository, repositoryName="team/app", imageTagMutability=mode) == invalid(
        "imageTagMutabilityExclusionFilters", rule
    )


def test_a_filter_has_at_most_two_wildcards(ecr):
    request = {"repositoryName": "team/app", "imageTagMutability": "MUTABLE_WITH_EXCLUSION"}
    three = [{"filterType": "WILDCARD", "filter": "*a*b*"}]
    code, message = refusal(ecr.create_repository, **request, imageTagMutabilityExclusionFilters=three)
    assert code == "InvalidParameterException"
    assert "2 wildcards" in message
    ecr.create_repository(**request, imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "*a*"}])


def test_putting_the_mutability_replaces_mode_and_filters(ecr):
    ecr.create_repository(repositoryName="team/app")
    put = ecr.put_image_tag_mutability(
        repositoryName="team/app",
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=FILTERS,
    )
    put.pop("ResponseMetadata")
    assert put == {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": FILTERS,
    }
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in repository


def test_putting_the_mutability_needs_a_repository(ecr):
    assert refusal(ecr.put_image_tag_mutability, repositoryName="nowhere", imageTagMutability="IMMUTABLE") == not_found(
        "nowhere"
    )


# --- Encryption ------------------------------------------------------------------------------------------


def encrypted(ecr, name="team/app", **encryption):
    answer = ecr.create_repository(repositoryName=name, encryptionConfiguration=encryption)
    return answer["repository"]["encryptionConfiguration"]


def test_kms_without_a_key_takes_the_managed_key(ecr):
    first = encrypted(ecr, encryptionType="KMS")
    assert first["kmsKey"].startswith(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/")
    assert encrypted(ecr, "other/app", encryptionType="KMS") == first
    assert encrypted(ecr, "third/app", encryptionType="KMS", kmsKey="alias/aws/ecr") == first
    assert encrypted(ecr, "fourth/app", encryptionType="KMS", kmsKey="alias/mine") != first


def test_a_key_id_is_answered_as_an_arn(ecr):
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert encrypted(ecr, encryptionType="KMS", kmsKey=arn.rpartition("/")[2])["kmsKey"] == arn
    assert encrypted(ecr, "other/app", encryptionType="KMS", kmsKey=arn)["kmsKey"] == arn


def test_a_key_of_another_region_is_a_kms_exception(ecr):
    key = {"encryptionType": "KMS", "kmsKey": f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234"}
    with pytest.raises(ecr.exceptions.KmsException) as refused:
        ecr.create_repository(repositoryName="team/app", encryptionConfiguration=key)
    assert refused.value.response["Error"]["Message"] == "Invalid arn eu-west-1"
    assert refused.value.response["kmsError"] == "NotFoundException"


def test_aes256_takes_no_key(ecr):
    assert refusal(
        ecr.create_repository,
        repositoryName="team/app",
        encryptionConfiguration={"encryptionType": "AES256", "kmsKey": "alias/mine"},
    ) == invalid(
        "encryptionConfiguration",
        "Invalid encryption configuration: Encryption key should not be set for AES256 encryption.",
    )


def test_dual_layer_encryption_is_for_govcloud(ecr, ecr_of):
    request = {"repositoryName": "team/app", "encryptionConfiguration": {"encryptionType": "KMS_DSSE"}}
    assert refusal(ecr.create_repository, **request)[0] == "InvalidParameterException"
    repository = ecr_of(region="us-gov-west-1").create_repository(**request)["repository"]
    assert repository["encryptionConfiguration"]["encryptionType"] == "KMS_DSSE"


# --- Describe --------------------------------------------------------------------------------------------


def test_repositories_come_in_pages_in_order_of_name(ecr):
    for name in ("c3", "a1", "e5", "b2", "d4"):
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2}))
    assert [names(page) for page in pages] == [["a1", "b2"], ["c3", "d4"], ["e5"]]
    assert "nextToken" not in pages[-1]


def test_changes_between_pages_do_not_move_other_repositories(ecr):
    for name in ("a1", "b2", "d4"):
        ecr.create_repository(repositoryName=name)
    first = ecr.describe_repositories(maxResults=2)
    ecr.delete_repository(repositoryName="a1")
    ecr.delete_repository(repositoryName="b2")
    ecr.create_repository(repositoryName="c3")
    assert names(ecr.describe_repositories(maxResults=2, nextToken=first["nextToken"])) == ["c3", "d4"]


def test_a_page_has_100_repositories_by_default(ecr):
    for number in range(101):
        ecr.create_repository(repositoryName=f"app-{number:03}")
    assert len(ecr.describe_repositories()["repositories"]) == 100
    answer = ecr.describe_repositories(maxResults=101)
    assert (len(answer["repositories"]), "nextToken" in answer) == (101, False)


@pytest.mark.parametrize("token", ["nonsense", "größe", "bm9uc2Vuc2U="])
def test_a_token_of_another_query_is_not_valid(ecr, ecr_of, token):
    def refused(client, given):
        with pytest.raises(ClientError, match="Invalid parameter at 'nextToken'"):
            client.describe_repositories(nextToken=given)

    ecr.create_repository(repositoryName="a1")
    ecr.create_repository(repositoryName="b2")
    refused(ecr, token)
    refused(ecr_of("111122223333"), ecr.describe_repositories(maxResults=1)["nextToken"])


def test_repositories_are_described_by_name_in_the_order_of_the_names(ecr):
    for name in ("a1", "b2"):
        ecr.create_repository(repositoryName=name)
    assert names(ecr.describe_repositories(repositoryNames=["b2", "a1", "b2"])) == ["b2", "a1"]


def test_the_first_name_that_is_missing_fails_the_call(ecr):
    ecr.create_repository(repositoryName="a1")
    assert refusal(ecr.describe_repositories, repositoryNames=["a1", "z9", "y8"]) == not_found("z9")


@pytest.mark.parametrize("paging", [{"maxResults": 5}, {"nextToken": "x"}])
def test_names_exclude_paging(ecr, paging):
    (member,) = paging
    assert refusal(ecr.describe_repositories, repositoryNames=["a1"], **paging) == invalid(
        member, f"{member} cannot be used with repositoryNames"
    )


def test_another_registry_is_addressed_by_its_id(ecr, ecr_of):
    ecr_of("111122223333").create_repository(repositoryName="team/app")
    answer = ecr.describe_repositories(registryId="111122223333")
    assert answer["repositories"][0]["registryId"] == "111122223333"
    assert refusal(ecr.describe_repositories, registryId="111122223333", repositoryNames=["other"]) == not_found(
        "other", "111122223333"
    )


# --- Delete ----------------------------------------------------------------------------------------------


def test_the_answer_to_the_deletion_of_a_repository_describes_it(ecr):
    repository = ecr.create_repository(repositoryName="team/app")["repository"]
    assert ecr.delete_repository(repositoryName="team/app")["repository"] == repository
    assert refusal(ecr.delete_repository, repositoryName="team/app") == not_found("team/app")


def test_a_repository_with_images_is_deleted_by_force(ecr, services):
    ecr.create_repository(repositoryName="team/app")
    put_image(ecr, "team/app", an_image(1), "v1")
    put_image(ecr, "team/app", an_image(2))
    assert refusal(ecr.delete_repository, repositoryName="team/app") == (
        "RepositoryNotEmptyException",
        f"The repository with name 'team/app' in registry with id '{ACCOUNT}' "
        "cannot be deleted because it still contains images",
    )
    ecr.delete_repository(repositoryName="team/app", force=True)
    with services.store.reading() as work:
        events = [event.detail for event in work.events.after(0, 10)]
    deleted = {(event["image-digest"], event.get("image-tag")) for event in events if event["action-type"] == "DELETE"}
    assert deleted == {(an_image(1).digest, "v1"), (an_image(2).digest, None)}


def test_a_repository_created_anew_is_empty(ecr):
    ecr.create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "blue"}])
    put_image(ecr, "team/app", an_image(), "v1")
    ecr.delete_repository(repositoryName="team/app", force=True)
    arn = ecr.create_repository(repositoryName="team/app")["repository"]["repositoryArn"]
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_a_repository_with_many_images_is_deleted_in_several_transactions(services, ecr, monkeypatch):
    monkeypatch.setattr(repository_deletions, "IMAGES", 2)
    monkeypatch.setattr(repository_deletions, "LAYERS", 2)
    for name in ("team/app", "team/other"):
        ecr.create_repository(repositoryName=name)
        for number in range(5):
            put_image(ecr, name, an_image(number), f"v{number}")
    transactions = []
    services.store.at_commit(lambda events: transactions.append([event.detail["image-tag"] for event in events]))
    ecr.delete_repository(repositoryName="team/app", force=True)
    assert [len(tags) for tags in transactions] == [2, 2, 1]
    assert sorted(tag for tags in transactions for tag in tags) == [f"v{number}" for number in range(5)]
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="team/app")
    assert len(ecr.list_images(repositoryName="team/other")["imageIds"]) == 5
    answer = ecr.batch_check_layer_availability(repositoryName="team/other", layerDigests=[an_image(0).config.digest])
    assert answer["layers"][0]["layerAvailability"] == "AVAILABLE"
