"""The repository that a first pull creates: from the matching template, or with ECR's defaults."""

import pytest

from tests.support.upstream_images import image

NAME = "quay/team/app"
LIFECYCLE = (
    '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", '
    '"countNumber": 10}, "action": {"type": "expire"}}]}'
)


@pytest.fixture
def pulled(here, upstream):
    upstream.add_image("team/app", image(), "v1")
    here.rule()

    def pull():
        answer = here.manifest(NAME, "v1")
        here.settle()
        return answer

    return pull


def repository(here):
    return here.ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]


def test_without_a_template_the_repository_has_ecrs_defaults(here, pulled):
    assert pulled().status_code == 200
    created = repository(here)
    assert created["imageTagMutability"] == "MUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in created
    assert created["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert created["imageScanningConfiguration"] == {"scanOnPush": False}
    assert here.ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"] == []


@pytest.mark.parametrize("prefix", ["quay/team", "quay", "ROOT"])
def test_the_matching_template_decides(here, pulled, prefix):
    here.ecr.create_repository_creation_template(
        prefix=prefix,
        appliedFor=["PULL_THROUGH_CACHE"],
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        resourceTags=[{"Key": "team", "Value": "a"}],
        lifecyclePolicy=LIFECYCLE,
        customRoleArn="arn:aws:iam::123456789012:role/ecr-template",
    )
    assert pulled().status_code == 200
    created = repository(here)
    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert created["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "latest"}]
    tags = here.ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_the_longest_prefix_wins(here, pulled):
    for prefix, mutability in (("ROOT", "MUTABLE"), ("quay/team", "IMMUTABLE"), ("quay", "MUTABLE")):
        here.ecr.create_repository_creation_template(
            prefix=prefix, appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability=mutability
        )
    pulled()
    assert repository(here)["imageTagMutability"] == "IMMUTABLE"


def test_a_template_for_replication_does_not_apply(here, pulled):
    here.ecr.create_repository_creation_template(
        prefix="quay", appliedFor=["REPLICATION"], imageTagMutability="IMMUTABLE"
    )
    pulled()
    assert repository(here)["imageTagMutability"] == "MUTABLE"


def test_a_template_with_tags_and_no_role_makes_the_pull_fail_and_says_why(here, pulled):
    here.ecr.create_repository_creation_template(
        prefix="quay", appliedFor=["PULL_THROUGH_CACHE"], resourceTags=[{"Key": "a", "Value": "b"}]
    )
    assert pulled().status_code == 404
    assert here.repositories() == []
    assert "customRoleArn" in here.events()[-1]["failure-reason"]


def test_a_template_changes_no_repository_that_exists(here, pulled):
    pulled()
    here.ecr.create_repository_creation_template(
        prefix="ROOT", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
    )
    pulled()
    assert repository(here)["imageTagMutability"] == "MUTABLE"


def test_a_first_import_into_an_immutable_repository_works(here, pulled):
    here.ecr.create_repository_creation_template(
        prefix="quay", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
    )
    assert pulled().status_code == 200
    assert here.images(NAME) == {image().digest: ["v1"]}
