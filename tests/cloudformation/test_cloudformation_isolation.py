"""Stacks belong to their emulator: snapshots, resets, ``mock_aws``, and an installation without the extra."""

import boto3
from moto import mock_aws

from tests.support.stacks import repository, template

NAMED = template({"Repo": repository(RepositoryName="app"), "Queue": {"Type": "AWS::SQS::Queue"}})


def test_a_snapshot_has_the_stacks_with_their_resources(emulator, aws):
    aws.create("before", NAMED)
    number = emulator.snapshots.take()
    aws.delete("before")
    aws.create("after", NAMED)
    emulator.snapshots.restore(number)
    assert [each["StackName"] for each in aws.cloudformation.describe_stacks()["Stacks"]] == ["before"]
    assert aws.repositories() == ["app"]
    aws.update("before", template({"Repo": repository(RepositoryName="other")}))
    assert aws.repositories() == ["other"]
    assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_a_reset_of_an_account_deletes_its_stacks(emulator, aws):
    aws.create("s", NAMED)
    emulator.reset(aws.account)
    assert aws.cloudformation.describe_stacks()["Stacks"] == []
    aws.create("s", NAMED)
    assert aws.repositories() == ["app"]


def test_mock_aws_has_its_own_stacks_and_repositories(emulator, aws):
    aws.create("s", NAMED)
    with mock_aws():
        cloudformation = boto3.client("cloudformation", "us-east-1")
        cloudformation.create_stack(StackName="t", TemplateBody=template({"Repo": repository(RepositoryName="mocked")}))
        found = boto3.client("ecr", "us-east-1").describe_repositories()["repositories"]
        assert [each["repositoryName"] for each in found] == ["mocked"]
        assert len(cloudformation.describe_stacks()["Stacks"]) == 1
    assert aws.repositories() == ["app"]
