"""Updates of stacks: replacement, resources that come and go, and rollbacks."""

import json

import pytest

from tests.support.stacks import refusal, repository, template

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}
KMS = {"EncryptionType": "KMS"}


def policy(text):
    return {"Type": "AWS::ECR::RegistryPolicy", "Properties": {"PolicyText": text}}


def test_a_new_name_replaces_the_repository(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="old")}))
    aws.update("s", template({"Repo": repository(RepositoryName="new")}))
    assert aws.repositories() == ["new"]
    assert aws.physical_id("s", "Repo") == "new"
    assert aws.events("s")[-5:] == [
        ("Repo", "UPDATE_COMPLETE"),
        ("s", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Repo", "DELETE_IN_PROGRESS"),
        ("Repo", "DELETE_COMPLETE"),
        ("s", "UPDATE_COMPLETE"),
    ]


def test_other_encryption_replaces_a_repository_with_a_generated_name(aws):
    aws.create("s", template({"Repo": repository()}))
    before = aws.physical_id("s", "Repo")
    aws.update("s", template({"Repo": repository(EncryptionConfiguration=KMS)}))
    after = aws.physical_id("s", "Repo")
    assert before != after
    assert aws.repositories() == [after]


def test_other_encryption_of_a_repository_with_a_name_fails(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    reason = aws.fail_to_update("s", template({"Repo": repository(RepositoryName="app", EncryptionConfiguration=KMS)}))
    assert reason == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename s/app and update the stack again."
    )
    assert aws.stack("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_the_update_replace_policy_retains_the_old_repository(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="old")}))
    kept = {**repository(RepositoryName="new"), "UpdateReplacePolicy": "Retain"}
    aws.update(
        "s",
        template({"Repo": {**repository(RepositoryName="old"), "UpdateReplacePolicy": "Retain", "Metadata": {"a": 1}}}),
    )
    aws.update("s", template({"Repo": kept}))
    assert aws.repositories() == ["new", "old"]


def test_resources_come_and_go(aws):
    aws.create("s", template({"One": repository(RepositoryName="one"), "Queue": QUEUE}))
    aws.update("s", template({"Two": repository(RepositoryName="two"), "Queue": QUEUE}))
    assert aws.repositories() == ["two"]
    resources = aws.cloudformation.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {each["LogicalResourceId"]: each["ResourceStatus"] for each in resources} == {
        "Queue": "CREATE_COMPLETE",
        "Two": "CREATE_COMPLETE",
    }


def test_a_failed_update_restores_what_it_changed(aws):
    before = {
        "Changed": repository(RepositoryName="changed", ImageTagMutability="IMMUTABLE"),
        "Replaced": repository(RepositoryName="replaced"),
        "Removed": repository(RepositoryName="removed"),
    }
    aws.create("s", template(before))
    aws.ecr.create_repository(repositoryName="taken")
    after = {
        "Changed": repository(RepositoryName="changed", ImageTagMutability="MUTABLE"),
        "Replaced": repository(RepositoryName="replacement"),
        "Added": repository(RepositoryName="added"),
        "Fails": {**repository(RepositoryName="taken"), "DependsOn": ["Changed", "Replaced", "Added"]},
    }
    assert "already exists" in aws.fail_to_update("s", template(after))
    assert aws.stack("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert aws.repositories() == ["changed", "removed", "replaced", "taken"]
    assert aws.repository("changed")["imageTagMutability"] == "IMMUTABLE"
    assert aws.physical_id("s", "Replaced") == "replaced"
    assert aws.cloudformation.get_template(StackName="s")["TemplateBody"]["Resources"] == before
    aws.update("s", template({"Changed": after["Changed"]}))
    assert aws.repositories() == ["changed", "taken"]


def test_an_update_without_changes_is_refused(aws):
    body = template({"Repo": repository(RepositoryName="app")})
    aws.create("s", body)
    update = aws.cloudformation.update_stack
    assert refusal(update, StackName="s", TemplateBody=body) == "No updates are to be performed."
    assert refusal(update, StackName="s", UsePreviousTemplate=True) == "No updates are to be performed."


def test_new_tags_of_a_stack_reach_its_repositories(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    aws.cloudformation.update_stack(StackName="s", UsePreviousTemplate=True, Tags=[{"Key": "k", "Value": "v"}])
    arn = aws.repository("app")["repositoryArn"]
    assert aws.ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "k", "Value": "v"}]


def test_a_stack_after_a_rollback_can_only_be_deleted(aws):
    aws.ecr.create_repository(repositoryName="app")
    body = template({"Repo": repository(RepositoryName="app")})
    aws.fail_to_create("s", body)
    sentence = refusal(aws.cloudformation.update_stack, StackName="s", TemplateBody=body)
    assert sentence.endswith("is in ROLLBACK_COMPLETE state and can not be updated.")
    aws.delete("s")
    aws.ecr.delete_repository(repositoryName="app")
    aws.create("s", body)


@pytest.mark.parametrize(
    ("options", "status"),
    [({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED"), ({"DisableRollback": True}, "CREATE_FAILED")],
    ids=["on-failure", "disable-rollback"],
)
def test_without_a_rollback_the_resources_stay(aws, options, status):
    body = template(
        {"One": repository(RepositoryName="one"), "Two": {**repository(RepositoryName="one"), "DependsOn": "One"}}
    )
    aws.fail_to_create("s", body, **options)
    assert aws.stack("s")["StackStatus"] == status
    assert aws.repositories() == ["one"]


def test_on_failure_delete_deletes_the_stack(aws):
    aws.ecr.create_repository(repositoryName="app")
    body = template({"Repo": repository(RepositoryName="app"), "Other": repository(RepositoryName="other")})
    made = aws.cloudformation.create_stack(StackName="s", TemplateBody=body, OnFailure="DELETE")
    assert aws.stack(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert "does not exist" in refusal(aws.cloudformation.describe_stacks, StackName="s")
    assert aws.repositories() == ["app"]


def test_an_update_of_a_resource_of_another_service_reaches_it(aws):
    aws.create("s", template({"Queue": QUEUE}))
    url = aws.physical_id("s", "Queue")
    longer = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "VisibilityTimeout": 77}}
    aws.update("s", template({"Queue": longer}))
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "77"


def test_a_failure_of_another_service_rolls_back(aws):
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}}}
    aws.create("first", template({"Role": role}))
    reason = aws.fail_to_create(
        "s", template({"Repo": repository(RepositoryName="app"), "Role": {**role, "DependsOn": "Repo"}})
    )
    assert "already exists" in reason
    assert "HandlerErrorCode: AlreadyExists" in reason
    assert aws.repositories() == []


def secret(**properties):
    return {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "s", **properties}}


def test_a_secret_is_changed_and_keeps_a_generated_value(aws):
    manager = aws.client("secretsmanager")
    generated = {"SecretStringTemplate": '{"username": "u"}', "GenerateStringKey": "password", "PasswordLength": 20}
    aws.create("s", template({"Secret": secret(GenerateSecretString=generated)}))
    arn = aws.physical_id("s", "Secret")
    value = manager.get_secret_value(SecretId=arn)["SecretString"]
    assert len(json.loads(value)["password"]) == 20
    aws.update("s", template({"Secret": secret(GenerateSecretString=generated, Description="d")}))
    assert manager.describe_secret(SecretId=arn)["Description"] == "d"
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == value
    tags = [{"Key": "k", "Value": "v"}]
    aws.update("s", template({"Secret": secret(SecretString="mine", Tags=tags)}))
    assert manager.get_secret_value(SecretId=arn)["SecretString"] == "mine"
    assert manager.describe_secret(SecretId=arn)["Tags"] == tags
    aws.update("s", template({"Secret": secret(SecretString="mine")}))
    assert manager.describe_secret(SecretId=arn)["Tags"] == []


def test_properties_that_are_no_object_fail(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app")}))
    body = template(
        {"Repo": {"Type": "AWS::ECR::Repository", "Properties": {"Fn::If": ["Yes", "text", {}]}}},
        Conditions={"Yes": {"Fn::Equals": ["a", "a"]}},
    )
    assert aws.fail_to_update("s", body) == "Template format error: Properties must be an object."
    assert aws.repositories() == ["app"]
