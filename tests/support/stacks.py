"""Stacks of CloudFormation in one account and Region of an emulator, through boto3 and its waiters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.support.boto import client_of

AT_ONCE = {"Delay": 0, "MaxAttempts": 1}


def template(resources: dict[str, Any], **sections: Any) -> str:
    """Return a template in JSON."""
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, **sections})


def repository(**properties: Any) -> dict[str, Any]:
    """Return a repository of a template."""
    return {"Type": "AWS::ECR::Repository", "Properties": properties}


class Stacks:
    """Clients of one account and Region."""

    def __init__(self, emulator: Any, account: str, region: str = "us-east-1", **keys: Any) -> None:
        self._place = {"account": account, "region": region, **keys}
        self._emulator = emulator
        self.account = account
        self.region = region
        self.cloudformation = self.client("cloudformation")
        self.ecr = self.client("ecr")

    def client(self, service: str) -> Any:
        """Return a client of another service."""
        return client_of(self._emulator, service, **self._place)

    def create(self, name: str, body: str, **arguments: Any) -> dict[str, Any]:
        """Create a stack, and wait until it is complete."""
        self.cloudformation.create_stack(StackName=name, TemplateBody=body, **arguments)
        self.wait("stack_create_complete", name)
        return self.stack(name)

    def fail_to_create(self, name: str, body: str, **arguments: Any) -> str:
        """Create a stack that fails; return the reason of the first resource that failed."""
        self.cloudformation.create_stack(StackName=name, TemplateBody=body, **arguments)
        with pytest.raises(WaiterError):
            self.wait("stack_create_complete", name)
        return self.reason(name)

    def update(self, name: str, body: str, **arguments: Any) -> dict[str, Any]:
        """Update a stack, and wait until it is complete."""
        self.cloudformation.update_stack(StackName=name, TemplateBody=body, **arguments)
        self.wait("stack_update_complete", name)
        return self.stack(name)

    def fail_to_update(self, name: str, body: str, **arguments: Any) -> str:
        """Update a stack, which fails; return the reason of the resource that failed last."""
        self.cloudformation.update_stack(StackName=name, TemplateBody=body, **arguments)
        with pytest.raises(WaiterError):
            self.wait("stack_update_complete", name)
        return self.reason(name)

    def delete(self, name: str, **arguments: Any) -> None:
        """Delete a stack, and wait until it is gone."""
        stack_id = self.stack(name)["StackId"]
        self.cloudformation.delete_stack(StackName=name, **arguments)
        self.wait("stack_delete_complete", stack_id)

    def wait(self, waiter: str, name: str) -> None:
        """Wait as clients do, but not for longer than one request."""
        self.cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig=AT_ONCE)

    def stack(self, name: str) -> dict[str, Any]:
        """Return the description of a stack."""
        found: dict[str, Any] = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def outputs(self, name: str) -> dict[str, str]:
        """Return the outputs of a stack."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack(name)["Outputs"]}

    def events(self, name: str) -> list[tuple[str, str]]:
        """Return resources and statuses of the events of a stack, the oldest first."""
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [(each["LogicalResourceId"], each["ResourceStatus"]) for each in reversed(events)]

    def reason(self, name: str) -> str:
        """Return the reason of the resource that failed last."""
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [each for each in events if each["ResourceStatus"].endswith("_FAILED")]
        return str(next(each["ResourceStatusReason"] for each in failed if each["LogicalResourceId"] != name))

    def physical_id(self, name: str, logical_id: str) -> str:
        """Return the physical identifier of a resource."""
        found = self.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def repositories(self) -> list[str]:
        """Return the names of the repositories."""
        return [each["repositoryName"] for each in self.ecr.describe_repositories()["repositories"]]

    def repository(self, name: str) -> dict[str, Any]:
        """Return the description of a repository."""
        found: dict[str, Any] = self.ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        return found


def refusal(call: Any, **arguments: Any) -> str:
    """Return the message with which CloudFormation refuses a request."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (400, "ValidationError")
    return str(error["Error"]["Message"])
