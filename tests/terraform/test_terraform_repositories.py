"""Terraform's resources of a repository: each is applied, changed, imported and destroyed without drift."""

from __future__ import annotations

import json

import pytest

from tests.support.images import an_image, put_image
from tests.support.terraform.repositories import LifecyclePolicy, Repository, RepositoryPolicy
from tests.support.terraform.workspace import REPLACE, UPDATE, Workspace, walk

BLOCK = "encryption_configuration"
PULLING = {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
LATEST = {"filter": "latest*", "filter_type": "WILDCARD"}
PREFIXED = {"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 3}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def rules(*selections):
    made = [
        {"rulePriority": priority, "description": "d", "selection": selection, "action": {"type": "expire"}}
        for priority, selection in enumerate(selections, start=1)
    ]
    return json.dumps({"rules": made})


def test_aws_ecr_repository_with_the_defaults(ecr, account):
    state = walk(Repository(ecr), {"name": "app"}).state
    assert state["arn"] == f"arn:aws:ecr:us-east-1:{account}:repository/app"
    assert state["repository_url"] == "localhost:4566/app"
    assert state["encryption_configuration"] == [{"encryption_type": "AES256", "kms_key": ""}]
    assert state["image_scanning_configuration"] == [{"scan_on_push": False}]


def test_aws_ecr_repository_with_everything(ecr):
    base = {"name": "team/app", "tags": {"team": "red", "empty": ""}, "image_tag_mutability": "IMMUTABLE"}
    walk(
        Repository(ecr),
        base | {"image_scanning_configuration": [{"scan_on_push": True}]},
        base | {"image_scanning_configuration": [{"scan_on_push": False}], "tags": {"team": "blue"}},
        base | {"image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION", "image_tag_mutability_exclusion_filter": [LATEST]},
        base | {"image_tag_mutability": "MUTABLE_WITH_EXCLUSION", "image_tag_mutability_exclusion_filter": [LATEST]},
        {"name": "team/app"},
    )


def test_aws_ecr_repository_is_updated_in_place_or_replaced(ecr):
    workspace = Workspace(Repository(ecr))
    workspace.apply({"name": "app"})
    assert workspace.plan({"name": "app", "tags": {"a": "b"}}) == (UPDATE, {"tags"})
    assert workspace.plan({"name": "other"}) == (REPLACE, {"name"})
    kms = {"name": "app", BLOCK: [{"encryption_type": "KMS", "kms_key": ""}]}
    assert workspace.plan(kms)[0] == REPLACE
    workspace.apply({"name": "other"})
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]] == ["other"]


def test_aws_ecr_repository_with_a_key_of_kms(ecr, service):
    key = service("kms").create_key()["KeyMetadata"]["Arn"]
    walk(Repository(ecr), {"name": "app", BLOCK: [{"encryption_type": "KMS", "kms_key": key}]})


def test_aws_ecr_repository_with_the_key_of_aws_keeps_the_key_that_it_read(ecr):
    """Without ``kms_key`` the provider keeps the ARN from the answer, which must not change."""
    workspace = Workspace(Repository(ecr))
    workspace.apply({"name": "app", BLOCK: [{"encryption_type": "KMS"}]})
    key = workspace.state[BLOCK][0]["kms_key"]
    assert key.startswith("arn:aws:kms:us-east-1:")
    assert workspace.plan({"name": "app", BLOCK: [{"encryption_type": "KMS", "kms_key": key}]})[0] == "no changes"


def test_aws_ecr_repository_with_images_is_destroyed_only_by_force(ecr):
    workspace = Workspace(Repository(ecr))
    workspace.apply({"name": "app"})
    put_image(ecr, "app", an_image(), "v1")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        workspace.destroy()
    assert workspace.apply({"name": "app", "force_delete": True}) == UPDATE
    workspace.destroy()
    assert ecr.describe_repositories()["repositories"] == []


def test_aws_ecr_repository_that_somebody_deleted_is_created_again(ecr):
    workspace = Workspace(Repository(ecr))
    workspace.apply({"name": "app"})
    ecr.delete_repository(repositoryName="app")
    assert workspace.apply({"name": "app"}) == "create"


def test_aws_ecr_repository_that_somebody_changed_is_repaired(ecr):
    workspace = Workspace(Repository(ecr))
    workspace.apply({"name": "app"})
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    assert workspace.plan({"name": "app"}) == (UPDATE, {"image_tag_mutability"})
    assert workspace.apply({"name": "app"}) == UPDATE
    assert workspace.plan({"name": "app"})[0] == "no changes"


def test_aws_ecr_repository_that_exists_already_is_refused(ecr):
    ecr.create_repository(repositoryName="app")
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException):
        Workspace(Repository(ecr)).apply({"name": "app"})


def test_aws_ecr_repository_policy(ecr):
    ecr.create_repository(repositoryName="app")
    other = PULLING | {"Principal": {"AWS": "arn:aws:iam::210987654321:root"}}
    walk(
        RepositoryPolicy(ecr),
        {"repository": "app", "policy": document(PULLING)},
        {"repository": "app", "policy": document(PULLING, other | {"Sid": "other"})},
    )


def test_aws_ecr_repository_policy_of_a_deleted_repository_is_gone_without_an_error(ecr):
    ecr.create_repository(repositoryName="app")
    workspace = Workspace(RepositoryPolicy(ecr))
    workspace.apply({"repository": "app", "policy": document(PULLING)})
    ecr.delete_repository(repositoryName="app")
    workspace.destroy()
    assert RepositoryPolicy(ecr).read("app") is None


def test_aws_ecr_repository_policy_that_is_invalid_has_the_sentence_that_the_provider_retries(ecr):
    ecr.create_repository(repositoryName="app")
    invalid = document(PULLING | {"Principal": {"AWS": "arn:aws:iam::1:role/none"}})
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid repository policy provided"):
        Workspace(RepositoryPolicy(ecr)).apply({"repository": "app", "policy": invalid})


def test_aws_ecr_lifecycle_policy(ecr):
    ecr.create_repository(repositoryName="app")
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    walk(
        LifecyclePolicy(ecr),
        {"repository": "app", "policy": rules(untagged)},
        {"repository": "app", "policy": rules(PREFIXED, untagged)},
    )


def test_aws_ecr_lifecycle_policy_document_as_the_data_source_writes_it(ecr):
    """The data source writes members in their order, indented, and leaves out what is not set."""
    ecr.create_repository(repositoryName="app")
    selection = {"tagStatus": "tagged", "tagPatternList": ["prod*"], "countType": "imageCountMoreThan"}
    rule = {"rulePriority": 1, "description": "d", "selection": selection | {"countNumber": 1}}
    written = json.dumps({"rules": [rule | {"action": {"type": "expire"}}]}, indent=2)
    walk(LifecyclePolicy(ecr), {"repository": "app", "policy": written})


def test_aws_ecr_lifecycle_policy_of_a_deleted_repository_is_gone_without_an_error(ecr):
    ecr.create_repository(repositoryName="app")
    workspace = Workspace(LifecyclePolicy(ecr))
    workspace.apply({"repository": "app", "policy": rules(PREFIXED)})
    ecr.delete_repository(repositoryName="app")
    workspace.destroy()
    assert LifecyclePolicy(ecr).read("app") is None
