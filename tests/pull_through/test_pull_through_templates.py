"""The repository that a first pull creates: from the matching template, or with ECR's defaults."""

import json

import pytest

from ecr_emulator.testing.upstream.images import image
from tests.support.boto import client_of
from tests.support.docker import ACCOUNT
from tests.support.refusals import refusal

NAME = "quay/team/app"
ROLE = "arn:aws:iam::123456789012:role/ecr-template"
LIFECYCLE = (
    '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", '
    '"countNumber": 10}, "action": {"type": "expire"}}]}'
)
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "pull",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage"],
            }
        ],
    }
)


@pytest.fixture
def pulled(cache, upstream):
    upstream.add_image("team/app", image(), "v1")
    cache.rule()

    def pull():
        answer = cache.manifest(NAME, "v1")
        cache.settle()
        return answer

    return pull


@pytest.fixture
def template(cache):
    """Makes creation templates; without more, one for pull through and everything under the rule."""

    def make(prefix="quay", applied_for=("PULL_THROUGH_CACHE",), **settings):
        cache.ecr.create_repository_creation_template(prefix=prefix, appliedFor=list(applied_for), **settings)

    return make


def kms_of(cache):
    return client_of(cache.emulator, "kms", account=ACCOUNT)


@pytest.fixture
def key(cache):
    return kms_of(cache).create_key()["KeyMetadata"]["Arn"]


def repository(cache, name=NAME):
    return cache.ecr.describe_repositories(repositoryNames=[name])["repositories"][0]


def resource_tags(cache):
    return cache.ecr.list_tags_for_resource(resourceArn=repository(cache)["repositoryArn"])["tags"]


# --- Defaults --------------------------------------------------------------------------------------------


@pytest.mark.consideration("S20")
def test_without_a_template_tags_are_mutable(cache, pulled):
    pulled()
    assert repository(cache)["imageTagMutability"] == "MUTABLE"
    assert "imageTagMutabilityExclusionFilters" not in repository(cache)


@pytest.mark.consideration("S21")
def test_without_a_template_encryption_is_aes256(cache, pulled):
    pulled()
    assert repository(cache)["encryptionConfiguration"] == {"encryptionType": "AES256"}


@pytest.mark.consideration("S22")
def test_without_a_template_there_is_no_repository_policy(cache, pulled):
    pulled()
    assert refusal(cache.ecr.get_repository_policy, repositoryName=NAME)[0] == "RepositoryPolicyNotFoundException"


@pytest.mark.consideration("S23")
def test_without_a_template_there_is_no_lifecycle_policy(cache, pulled):
    pulled()
    assert refusal(cache.ecr.get_lifecycle_policy, repositoryName=NAME)[0] == "LifecyclePolicyNotFoundException"


@pytest.mark.consideration("S24")
def test_without_a_template_there_are_no_resource_tags_and_no_scan_on_push(cache, pulled):
    pulled()
    assert resource_tags(cache) == []
    assert repository(cache)["imageScanningConfiguration"] == {"scanOnPush": False}


# --- Each field ------------------------------------------------------------------------------------------


@pytest.mark.consideration("S25", "S26b")
def test_a_template_sets_mutability_and_the_first_import_works_all_the_same(cache, pulled, template):
    template(imageTagMutability="IMMUTABLE")
    assert pulled().status_code == 200
    assert repository(cache)["imageTagMutability"] == "IMMUTABLE"
    assert cache.images(NAME) == {image().digest: ["v1"]}


@pytest.mark.consideration("S25")
@pytest.mark.parametrize("mutability", ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"])
def test_a_template_sets_exclusion_filters(cache, pulled, template, mutability):
    filters = [{"filterType": "WILDCARD", "filter": "latest"}, {"filterType": "WILDCARD", "filter": "dev-*"}]
    template(imageTagMutability=mutability, imageTagMutabilityExclusionFilters=filters)
    pulled()
    created = repository(cache)
    assert created["imageTagMutability"] == mutability
    assert created["imageTagMutabilityExclusionFilters"] == filters


@pytest.mark.consideration("S25")
def test_a_template_sets_encryption(cache, pulled, template, key):
    encryption = {"encryptionType": "KMS", "kmsKey": key}
    template(encryptionConfiguration=encryption, customRoleArn=ROLE)
    pulled()
    assert repository(cache)["encryptionConfiguration"] == encryption
    assert len(kms_of(cache).list_grants(KeyId=key)["Grants"]) == 2


def test_a_template_without_a_key_takes_the_key_that_aws_manages(cache, pulled, template):
    template(encryptionConfiguration={"encryptionType": "KMS"}, customRoleArn=ROLE)
    pulled()
    managed = kms_of(cache).describe_key(KeyId="alias/aws/ecr")["KeyMetadata"]["Arn"]
    assert repository(cache)["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": managed}


@pytest.mark.consideration("S25")
def test_a_template_sets_the_repository_policy(cache, pulled, template):
    template(repositoryPolicy=POLICY)
    pulled()
    assert json.loads(cache.ecr.get_repository_policy(repositoryName=NAME)["policyText"]) == json.loads(POLICY)


@pytest.mark.consideration("S25")
def test_a_template_sets_the_lifecycle_policy_which_then_acts(cache, pulled, template, upstream):
    template(lifecyclePolicy=LIFECYCLE.replace("10", "1"))
    pulled()
    written = json.loads(cache.ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"])
    assert written == json.loads(LIFECYCLE.replace("10", "1"))
    for seed in ("second", "third"):
        cache.advance(hours=25)
        upstream.add_image("team/app", image(seed), "v1")
        pulled()
    cache.advance(hours=25)
    assert cache.images(NAME) == {image("third").digest: ["v1"], image("second").digest: []}


@pytest.mark.consideration("S25")
def test_a_template_sets_resource_tags(cache, pulled, template):
    tags = [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": ""}]
    template(resourceTags=tags, customRoleArn=ROLE)
    pulled()
    assert sorted(resource_tags(cache), key=str) == sorted(tags, key=str)


@pytest.mark.consideration("S25")
def test_fields_missing_in_a_template_have_their_defaults(cache, pulled, template):
    template(imageTagMutability="IMMUTABLE")
    pulled()
    assert repository(cache)["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert resource_tags(cache) == []
    assert refusal(cache.ecr.get_repository_policy, repositoryName=NAME)[0] == "RepositoryPolicyNotFoundException"
    assert refusal(cache.ecr.get_lifecycle_policy, repositoryName=NAME)[0] == "LifecyclePolicyNotFoundException"


# --- The matching template -------------------------------------------------------------------------------


@pytest.mark.consideration("S6a")
def test_the_template_with_the_longest_prefix_decides_and_a_prefix_ends_at_a_slash(cache, upstream, template):
    cache.rule("ROOT", "public.ecr.aws")
    filters = {"prod": "p*", "prod/team": "t*", "ROOT": "r*"}
    for prefix, pattern in filters.items():
        template(
            prefix,
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": pattern}],
        )
    expected = {"prod/team/x": "t*", "prod/teamwork": "p*", "prod/y": "p*", "production/x": "r*", "z/y": "r*"}
    for name in expected:
        upstream.add_image(name, image(), "v1")
        assert cache.manifest(name, "v1").status_code == 200
    found = {name: repository(cache, name)["imageTagMutabilityExclusionFilters"][0]["filter"] for name in expected}
    assert found == expected


@pytest.mark.consideration("S6b")
@pytest.mark.parametrize("reason", ["REPLICATION", "CREATE_ON_PUSH"])
def test_a_template_for_another_reason_does_not_count(cache, pulled, template, reason):
    template("quay/team", [reason], imageTagMutability="IMMUTABLE")
    pulled()
    assert repository(cache)["imageTagMutability"] == "MUTABLE"


@pytest.mark.consideration("S6b")
def test_the_longest_prefix_among_those_for_pull_through_decides(cache, pulled, template):
    template("quay/team", ["REPLICATION"], imageTagMutability="MUTABLE")
    template("quay", ["REPLICATION", "PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE")
    pulled()
    assert repository(cache)["imageTagMutability"] == "IMMUTABLE"


# --- Failures --------------------------------------------------------------------------------------------


@pytest.mark.consideration("S6c")
@pytest.mark.parametrize(
    "settings",
    [
        {"resourceTags": [{"Key": "a", "Value": "b"}]},
        {"encryptionConfiguration": {"encryptionType": "KMS"}},
    ],
    ids=["tags", "KMS"],
)
def test_a_template_that_needs_a_role_and_has_none_makes_the_pull_fail_and_says_why(cache, pulled, template, settings):
    template(**settings)
    answer = pulled()
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    (failure,) = cache.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["failures"]
    assert failure["failureCode"] == "ImageNotFound"
    assert cache.repositories() == []
    event = cache.events()[-1]
    assert event["sync-status"] == "FAILED"
    assert "'quay'" in event["failure-reason"]
    assert "customRoleArn" in event["failure-reason"]


def test_a_template_whose_key_is_disabled_makes_the_pull_fail_and_says_why(cache, pulled, template, key):
    template(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}, customRoleArn=ROLE)
    kms_of(cache).disable_key(KeyId=key)
    answer = pulled()
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert cache.repositories() == []
    assert f"{key} is disabled." in cache.events()[-1]["failure-reason"]


def test_nothing_is_pulled_into_a_repository_whose_key_is_disabled(cache, upstream, pulled, template, key):
    template(encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key}, customRoleArn=ROLE)
    assert pulled().status_code == 200
    upstream.add_image("team/app", image(2), "v2")
    kms_of(cache).disable_key(KeyId=key)
    asked = len(upstream.requests)
    for tag in ("v1", "v2"):
        answer = cache.manifest(NAME, tag)
        assert (answer.status_code, answer.json["errors"][0]["code"]) == (403, "DENIED")
        assert answer.json["errors"][0]["message"] == f"{key} is disabled."
    assert len(upstream.requests) == asked
    kms_of(cache).enable_key(KeyId=key)
    assert [cache.manifest(NAME, tag).status_code for tag in ("v1", "v2")] == [200, 200]


def test_a_template_with_an_unknown_key_is_refused(cache, key):
    unknown = f"{key[:-4]}0000"
    encryption = {"encryptionType": "KMS", "kmsKey": unknown}
    with pytest.raises(cache.ecr.exceptions.InvalidParameterException, match=f"Key '{unknown}' does not exist"):
        cache.ecr.create_repository_creation_template(
            prefix="quay", appliedFor=["PULL_THROUGH_CACHE"], encryptionConfiguration=encryption
        )


@pytest.mark.consideration("S6c")
def test_a_template_that_is_given_its_role_works_at_the_next_pull(cache, pulled, template):
    template(resourceTags=[{"Key": "a", "Value": "b"}])
    assert pulled().status_code == 404
    cache.ecr.update_repository_creation_template(prefix="quay", customRoleArn=ROLE)
    cache.advance(minutes=1)
    assert pulled().status_code == 200
    assert resource_tags(cache) == [{"Key": "a", "Value": "b"}]


# --- Only at creation ------------------------------------------------------------------------------------


@pytest.mark.consideration("S7a")
def test_a_template_changes_no_repository_that_exists(cache, pulled, template, upstream):
    pulled()
    template("ROOT", imageTagMutability="IMMUTABLE", repositoryPolicy=POLICY)
    cache.advance(hours=25)
    upstream.add_image("team/app", image("new"), "v1")
    assert pulled().data == image("new").raw
    upstream.add_image("team/app", image("other"), "v2")
    cache.manifest(NAME, "v2")
    assert repository(cache)["imageTagMutability"] == "MUTABLE"
    assert refusal(cache.ecr.get_repository_policy, repositoryName=NAME)[0] == "RepositoryPolicyNotFoundException"


@pytest.mark.consideration("S7a")
def test_a_changed_or_deleted_template_leaves_what_it_made(cache, pulled, template):
    template(imageTagMutability="IMMUTABLE")
    pulled()
    cache.ecr.update_repository_creation_template(prefix="quay", imageTagMutability="MUTABLE")
    pulled()
    cache.ecr.delete_repository_creation_template(prefix="quay")
    pulled()
    assert repository(cache)["imageTagMutability"] == "IMMUTABLE"


@pytest.mark.consideration("S7b")
def test_a_repository_that_is_made_by_hand_takes_nothing_from_a_template(cache, template):
    template("ROOT", imageTagMutability="IMMUTABLE", lifecyclePolicy=LIFECYCLE)
    cache.ecr.create_repository(repositoryName=NAME)
    assert repository(cache)["imageTagMutability"] == "MUTABLE"
    assert refusal(cache.ecr.get_lifecycle_policy, repositoryName=NAME)[0] == "LifecyclePolicyNotFoundException"
