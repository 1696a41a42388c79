"""Drift of resources of ECR from their templates."""

import json

from tests.support.stacks import refusal, repository, template

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["ecr:BatchGetImage"]}],
}
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5}
RULE = {"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}
LIFECYCLE = {"LifecyclePolicyText": json.dumps({"rules": [RULE]}, indent=2)}
EVERYTHING = {
    "RepositoryName": "app",
    "ImageTagMutability": "IMMUTABLE",
    "ImageScanningConfiguration": {"ScanOnPush": True},
    "EncryptionConfiguration": {"EncryptionType": "AES256"},
    "LifecyclePolicy": LIFECYCLE,
    "RepositoryPolicyText": POLICY,
    "Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
    "EmptyOnDelete": True,
}
OTHERS = {
    "Rule": {"EcrRepositoryPrefix": "quay", "UpstreamRegistryUrl": "quay.io"},
    "Template": {"Prefix": "team", "AppliedFor": ["REPLICATION", "PULL_THROUGH_CACHE"], "Description": "d"},
    "Exclusion": {"PrincipalArn": "arn:aws:iam::123456789012:role/r"},
    "Scanning": {
        "ScanType": "BASIC",
        "Rules": [{"ScanFrequency": "SCAN_ON_PUSH", "RepositoryFilters": [{"Filter": "a*", "FilterType": "WILDCARD"}]}],
    },
}
KINDS = {
    "Rule": "PullThroughCacheRule",
    "Template": "RepositoryCreationTemplate",
    "Exclusion": "PullTimeUpdateExclusion",
    "Scanning": "RegistryScanningConfiguration",
}


def detect(aws):
    """Detect drift, and return the status of the stack."""
    detection = aws.cloudformation.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
    found = aws.cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert found["DetectionStatus"] == "DETECTION_COMPLETE"
    assert found["StackDriftStatus"] == aws.stack("s")["DriftInformation"]["StackDriftStatus"]
    return found["StackDriftStatus"]


def drifts(aws, **filters):
    found = aws.cloudformation.describe_stack_resource_drifts(StackName="s", **filters)["StackResourceDrifts"]
    return {each["LogicalResourceId"]: each for each in found}


def test_a_new_stack_has_no_drift(aws):
    others = {name: {"Type": f"AWS::ECR::{KINDS[name]}", "Properties": each} for name, each in OTHERS.items()}
    aws.create("s", template({"Repo": repository(**EVERYTHING), "Queue": {"Type": "AWS::SQS::Queue"}, **others}))
    assert detect(aws) == "IN_SYNC"
    assert {name: each["StackResourceDriftStatus"] for name, each in drifts(aws).items()} == {
        "Repo": "IN_SYNC",
        "Queue": "NOT_CHECKED",
        **dict.fromkeys(others, "IN_SYNC"),
    }


def test_an_import_has_no_drift(aws):
    aws.ecr.create_repository(repositoryName="app", imageTagMutability="IMMUTABLE")
    imported = {**repository(RepositoryName="app", ImageTagMutability="IMMUTABLE"), "DeletionPolicy": "Retain"}
    identifier = {"ResourceType": "AWS::ECR::Repository", "ResourceIdentifier": {"RepositoryName": "app"}}
    aws.cloudformation.create_change_set(
        StackName="s",
        ChangeSetName="c",
        ChangeSetType="IMPORT",
        TemplateBody=template({"Repo": imported}),
        ResourcesToImport=[{**identifier, "LogicalResourceId": "Repo"}],
    )
    aws.cloudformation.execute_change_set(StackName="s", ChangeSetName="c")
    assert detect(aws) == "IN_SYNC"


def test_changes_outside_of_the_stack_are_drift(aws):
    resources = {"Repo": repository(**EVERYTHING), "Gone": repository(RepositoryName="gone")}
    aws.create("s", template({**resources, "Same": repository(RepositoryName="same")}))
    aws.ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="MUTABLE")
    aws.ecr.put_image_scanning_configuration(repositoryName="app", imageScanningConfiguration={"scanOnPush": False})
    aws.ecr.delete_repository_policy(repositoryName="app")
    aws.ecr.delete_repository(repositoryName="gone")
    assert detect(aws) == "DRIFTED"
    found = drifts(aws, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"])
    assert {name: each["StackResourceDriftStatus"] for name, each in found.items()} == {
        "Repo": "MODIFIED",
        "Gone": "DELETED",
    }
    differences = {each["PropertyPath"]: each for each in found["Repo"]["PropertyDifferences"]}
    assert differences["/ImageTagMutability"]["ActualValue"] == "MUTABLE"
    assert differences["/ImageScanningConfiguration/ScanOnPush"]["ExpectedValue"] == "true"
    assert differences["/RepositoryPolicyText"]["DifferenceType"] == "REMOVE"
    assert len(differences) == 3


def test_one_resource_can_be_checked(aws):
    aws.create("s", template({"Repo": repository(RepositoryName="app", ImageTagMutability="IMMUTABLE")}))
    check = aws.cloudformation.detect_stack_resource_drift
    assert check(StackName="s", LogicalResourceId="Repo")["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"
    aws.ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="MUTABLE")
    found = check(StackName="s", LogicalResourceId="Repo")["StackResourceDrift"]
    assert found["StackResourceDriftStatus"] == "MODIFIED"
    assert json.loads(found["ActualProperties"])["ImageTagMutability"] == "MUTABLE"
    assert "does not exist" in refusal(check, StackName="s", LogicalResourceId="Nobody")


def test_a_stack_that_was_rolled_back_has_no_drift_to_detect(aws):
    aws.ecr.create_repository(repositoryName="taken")
    aws.fail_to_create("s", template({"New": repository(), "Taken": repository(RepositoryName="taken")}))
    sentence = "Drift detection is not allowed for stack s in state ROLLBACK_COMPLETE"
    assert sentence in refusal(aws.cloudformation.detect_stack_drift, StackName="s")
    check = aws.cloudformation.detect_stack_resource_drift
    assert sentence in refusal(check, StackName="s", LogicalResourceId="Taken")
