"""Terraform's data sources of ECR, and the requests that the provider sends when it is configured.

They follow the public source of the provider, https://github.com/hashicorp/terraform-provider-aws.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from tests.support.boto import Keys, client_of
from tests.support.images import an_image, put_image
from tests.support.terraform.repositories import LifecyclePolicy, Repository, RepositoryPolicy
from tests.support.terraform.rules import PullThroughCacheRule, RepositoryCreationTemplate
from tests.support.terraform.workspace import Workspace


@pytest.fixture
def images(ecr, emulator):
    """Push three images, an hour apart, of which the last has two tags; return their digests."""
    ecr.create_repository(repositoryName="app")
    digests = []
    for number in range(3):
        digests.append(put_image(ecr, "app", an_image(number), f"v{number}"))
        emulator.clock.advance(timedelta(hours=1))
    put_image(ecr, "app", an_image(2), "latest")
    return digests


def most_recent(details):
    return max(details, key=lambda each: each["imagePushedAt"])


def details_of(ecr, **request):
    pages = ecr.get_paginator("describe_images").paginate(repositoryName="app", **request)
    return [detail for page in pages for detail in page["imageDetails"]]


# --- Data sources ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [{}, {"registryIds": ["123456789012"]}])
def test_aws_ecr_authorization_token(ecr, emulator, more):
    """The provider decodes the token with the alphabet for URLs, and splits it at its only colon."""
    (data,) = ecr.get_authorization_token(**more)["authorizationData"]
    user, password = base64.b64decode(data["authorizationToken"], altchars=b"-_", validate=True).decode().split(":")
    assert user == "AWS"
    assert password
    assert data["expiresAt"] - emulator.clock.now() == pytest.approx(timedelta(hours=12), abs=timedelta(minutes=1))
    assert data["proxyEndpoint"].startswith("http")


def test_aws_ecr_image_by_tag_and_by_digest(ecr, images, account):
    for image_id in ({"imageTag": "v1"}, {"imageDigest": images[1]}, {"imageTag": "v1", "imageDigest": images[1]}):
        (detail,) = details_of(ecr, imageIds=[image_id])
        assert detail["imageDigest"] == images[1]
        assert detail["imageTags"] == ["v1"]
        assert detail["imageSizeInBytes"] > 0
        described = ecr.describe_repositories(repositoryNames=[detail["repositoryName"]], registryId=account)
        (repository,) = described["repositories"]
        assert repository["repositoryUri"].endswith("/app")


def test_aws_ecr_image_that_is_most_recent(ecr, images):
    assert most_recent(details_of(ecr))["imageDigest"] == images[2]
    (latest,) = details_of(ecr, imageIds=[{"imageTag": "latest"}])
    assert latest["imageDigest"] == images[2]


def test_aws_ecr_image_that_does_not_exist(ecr, images):
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        details_of(ecr, imageIds=[{"imageTag": "none"}])
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName="none")


def test_aws_ecr_images(ecr, images):
    pages = ecr.get_paginator("list_images").paginate(repositoryName="app")
    found = [(image["imageDigest"], image["imageTag"]) for page in pages for image in page["imageIds"]]
    assert sorted(found) == sorted(
        [*((digest, f"v{number}") for number, digest in enumerate(images)), (images[2], "latest")]
    )


def test_aws_ecr_repository_as_a_data_source(ecr, images):
    state = Repository(ecr).read("app")
    assert state["name"] == "app"
    assert most_recent(details_of(ecr, registryId=state["registry_id"]))["imageTags"] == ["latest", "v2"]
    ecr.create_repository(repositoryName="empty")
    assert ecr.describe_images(repositoryName="empty")["imageDetails"] == []


def test_aws_ecr_repositories(ecr):
    for number in range(101):
        ecr.create_repository(repositoryName=f"app-{number:03}")
    pages = ecr.get_paginator("describe_repositories").paginate()
    names = {repository["repositoryName"] for page in pages for repository in page["repositories"]}
    assert names == {f"app-{number:03}" for number in range(101)}


def test_aws_ecr_pull_through_cache_rule_as_a_data_source(ecr):
    assert PullThroughCacheRule(ecr).read("quay") is None
    config = {"ecr_repository_prefix": "quay", "upstream_registry_url": "quay.io"}
    Workspace(PullThroughCacheRule(ecr)).apply(config)
    assert PullThroughCacheRule(ecr).read("quay")["upstream_registry_url"] == "quay.io"


def test_aws_ecr_repository_creation_template_as_a_data_source(ecr, account):
    assert RepositoryCreationTemplate(ecr).read("team") is None
    Workspace(RepositoryCreationTemplate(ecr)).apply({"prefix": "team", "applied_for": ["REPLICATION"]})
    state = RepositoryCreationTemplate(ecr).read("team")
    assert (state["applied_for"], state["registry_id"]) == (["REPLICATION"], account)


# --- Lists -----------------------------------------------------------------------------------------------


def test_terraform_query_lists_repositories_and_their_policies(ecr):
    """A list resource describes all repositories, and leaves out those without a policy."""
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
    rules = [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    for name in ("bare", "kept", "open"):
        Workspace(Repository(ecr)).apply({"name": name})
    Workspace(LifecyclePolicy(ecr)).apply({"repository": "kept", "policy": json.dumps({"rules": rules})})
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    Workspace(RepositoryPolicy(ecr)).apply({"repository": "open", "policy": policy})
    pages = ecr.get_paginator("describe_repositories").paginate()
    names = [repository["repositoryName"] for page in pages for repository in page["repositories"]]
    assert sorted(names) == ["bare", "kept", "open"]
    assert [name for name in names if LifecyclePolicy(ecr).read(name)] == ["kept"]
    assert [name for name in names if RepositoryPolicy(ecr).read(name)] == ["open"]


# --- The provider itself ---------------------------------------------------------------------------------


def account_and_partition(arn):
    _, partition, _, _, account, _ = arn.split(":", 5)
    return account, partition


@pytest.mark.parametrize(("key", "account"), [("123456789012", "123456789012"), ("test", "123456789012")])
def test_the_provider_finds_its_account(emulator, key, account):
    """It asks STS; with ``skip_credentials_validation`` it asks IAM for the user first."""
    identity = client_of(emulator, "sts", account=key).get_caller_identity()
    assert identity["Account"] == account
    assert account_and_partition(identity["Arn"]) == (account, "aws")
    user = client_of(emulator, "iam", account=key).get_user()["User"]
    assert account_and_partition(user["Arn"]) == (account, "aws")
    assert "Roles" in client_of(emulator, "iam", account=key).list_roles(MaxItems=1)


def test_the_provider_assumes_a_role(emulator, service, account):
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = service("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    given = service("sts").assume_role(
        RoleArn=role,
        RoleSessionName="terraform",
        DurationSeconds=3600,
        PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"}],
        Tags=[{"Key": "team", "Value": "red"}],
        TransitiveTagKeys=["team"],
        SourceIdentity="ann",
    )["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    with pytest.raises(ClientError, match="ValidationError"):
        client_of(emulator, "iam", keys=keys).get_user()  # the provider then asks STS
    arn = client_of(emulator, "sts", keys=keys).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{account}:assumed-role/deployer/terraform"
    workspace = Workspace(Repository(client_of(emulator, keys=keys, parameter_validation=False)))
    workspace.apply({"name": "app"})
    assert workspace.state["registry_id"] == account
