"""``AWS::ECR::Repository``: its properties, name, attributes, updates and deletion."""

import json
import re

import pytest

from tests.support.images import an_image, put_image
from tests.support.stacks import repository, template

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
}
LIFECYCLE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
                "action": {"type": "expire"},
            }
        ]
    }
)
EVERYTHING = {
    "RepositoryName": "team/app",
    "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": [
        {"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "latest*"}
    ],
    "ImageScanningConfiguration": {"ScanOnPush": "true"},
    "EncryptionConfiguration": {"EncryptionType": "AES256"},
    "LifecyclePolicy": {"LifecyclePolicyText": LIFECYCLE},
    "RepositoryPolicyText": POLICY,
    "Tags": [{"Key": "team", "Value": "a"}],
    "EmptyOnDelete": True,
}


def push(aws, name, tag="v1"):
    put_image(aws.ecr, name, an_image(), tag)


def test_a_repository_has_all_properties_of_the_template(aws):
    aws.create("s", template({"Repo": repository(**EVERYTHING)}))
    found = aws.repository("team/app")
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "latest*"}]
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["encryptionConfiguration"] == {"encryptionType": "AES256"}
    lifecycle = aws.ecr.get_lifecycle_policy(repositoryName="team/app")
    assert json.loads(lifecycle["lifecyclePolicyText"]) == json.loads(LIFECYCLE)
    assert json.loads(aws.ecr.get_repository_policy(repositoryName="team/app")["policyText"]) == POLICY
    tags = aws.ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    assert tags == [{"Key": "team", "Value": "a"}]


def test_ref_is_the_name_and_get_att_has_arn_and_uri(aws):
    outputs = {
        "Name": {"Value": {"Ref": "Repo"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Repo", "Arn"]}},
        "Uri": {"Value": {"Fn::GetAtt": "Repo.RepositoryUri"}},
    }
    aws.create("s", template({"Repo": repository(RepositoryName="app")}, Outputs=outputs))
    found = aws.repository("app")
    assert aws.outputs("s") == {"Name": "app", "Arn": found["repositoryArn"], "Uri": found["repositoryUri"]}


def test_a_repository_without_a_name_gets_a_generated_one(aws):
    aws.create("My-Stack", template({"Repo": repository(), "Other": repository()}))
    one, other = aws.physical_id("My-Stack", "Repo"), aws.physical_id("My-Stack", "Other")
    assert re.fullmatch("my-stack-repo-[0-9a-z]{12}", one)
    assert sorted(aws.repositories()) == sorted([one, other])


def test_the_tags_of_a_stack_are_tags_of_its_repositories(aws):
    own = [{"Key": "team", "Value": "b"}]
    tags = [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "test"}]
    aws.create("s", template({"Repo": repository(RepositoryName="app", Tags=own)}), Tags=tags)
    arn = aws.repository("app")["repositoryArn"]
    found = aws.ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    assert {each["Key"]: each["Value"] for each in found} == {"team": "b", "stage": "test"}


def test_a_policy_may_be_a_text(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app", RepositoryPolicyText=json.dumps(POLICY))}))
    assert json.loads(aws.ecr.get_repository_policy(repositoryName="app")["policyText"]) == POLICY


def test_a_name_that_exists_fails_and_stays(aws):
    aws.ecr.create_repository(repositoryName="app")
    reason = aws.fail_to_create("s", template({"New": repository(), "Repo": repository(RepositoryName="app")}))
    sentence = "Resource of type 'AWS::ECR::Repository' with identifier 'app' already exists."
    assert reason.startswith(f'Resource handler returned message: "{sentence}" (RequestToken: ')
    assert reason.endswith("HandlerErrorCode: AlreadyExists)")
    assert aws.stack("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert aws.repositories() == ["app"]


def test_an_error_of_ecr_is_the_reason_and_the_repository_is_rolled_back(aws):
    wrong = repository(RepositoryName="app", RepositoryPolicyText={"Statement": []})
    reason = aws.fail_to_create("s", template({"Repo": wrong}))
    assert re.fullmatch(
        r'Resource handler returned message: "Invalid parameter at \'PolicyText\' failed to satisfy constraint: '
        r".*\(Service: Ecr, Status Code: 400, Request ID: [0-9a-f-]{36}\)\" "
        r"\(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: InvalidRequest\)",
        reason,
    )
    assert aws.repositories() == []


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"Foo": 1}, "#: extraneous key [Foo] is not permitted"),
        ({"Arn": "arn:aws:ecr:::x"}, "#: extraneous key [Arn] is not permitted"),
        ({"ImageTagMutability": "SOMETIMES"}, "#/ImageTagMutability: SOMETIMES is not a valid enum value"),
        ({"RepositoryName": "a"}, "#/RepositoryName: expected minLength: 2, actual: 1"),
        ({"EmptyOnDelete": "perhaps"}, "#/EmptyOnDelete: expected type: Boolean, found: String"),
        ({"LifecyclePolicy": {"Text": ""}}, "#/LifecyclePolicy: extraneous key [Text] is not permitted"),
    ],
    ids=["unknown", "read-only", "enum", "short", "type", "nested"],
)
def test_properties_that_do_not_match_the_schema_fail(aws, properties, sentence):
    reason = aws.fail_to_create("s", template({"Repo": repository(**properties)}))
    head, _, sentences = reason.partition("\n")
    assert head == "Properties validation failed for resource Repo with message:"
    assert sentence in sentences.splitlines()


def test_an_update_changes_the_repository_in_place(aws):
    aws.create("s", template({"Repo": repository(**EVERYTHING)}))
    push(aws, "team/app")
    fixed = {name: EVERYTHING[name] for name in ("RepositoryName", "EncryptionConfiguration")}
    changed = {**fixed, "Tags": [{"Key": "stage", "Value": "b"}], "ImageTagMutability": "MUTABLE"}
    aws.update("s", template({"Repo": repository(**changed)}))
    found = aws.repository("team/app")
    assert found["imageTagMutability"] == "MUTABLE"
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    tags = aws.ecr.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
    assert tags == [{"Key": "stage", "Value": "b"}]
    for call in (aws.ecr.get_repository_policy, aws.ecr.get_lifecycle_policy):
        with pytest.raises(aws.ecr.exceptions.ClientError, match="PolicyNotFound"):
            call(repositoryName="team/app")
    assert len(aws.ecr.list_images(repositoryName="team/app")["imageIds"]) == 1


def test_a_repository_with_images_is_not_deleted(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    push(aws, "app")
    aws.cloudformation.delete_stack(StackName="s")
    assert aws.stack("s")["StackStatus"] == "DELETE_FAILED"
    assert aws.stack("s")["StackStatusReason"] == "The following resource(s) failed to delete: [Repo]. "
    assert (
        f"The repository with name 'app' in registry with id '{aws.account}' cannot be deleted because it still "
        "contains images (Service: Ecr, Status Code: 400"
    ) in aws.reason("s")
    aws.ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    aws.delete("s")
    assert aws.repositories() == []


def test_a_repository_that_failed_to_be_deleted_can_be_retained(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    push(aws, "app")
    aws.cloudformation.delete_stack(StackName="s")
    aws.delete("s", RetainResources=["Repo"])
    assert aws.repositories() == ["app"]


def test_empty_on_delete_deletes_the_images_too(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app", EmptyOnDelete=True)}))
    push(aws, "app")
    aws.delete("s")
    assert aws.repositories() == []


def test_a_retained_repository_stays(aws):
    aws.create("s", template({"Repo": {**repository(RepositoryName="app"), "DeletionPolicy": "Retain"}}))
    stack_id = aws.stack("s")["StackId"]
    aws.delete("s")
    assert aws.repositories() == ["app"]
    assert ("Repo", "DELETE_SKIPPED") in aws.events(stack_id)


def test_a_repository_that_is_gone_is_no_obstacle(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    aws.ecr.delete_repository(repositoryName="app")
    aws.delete("s")
