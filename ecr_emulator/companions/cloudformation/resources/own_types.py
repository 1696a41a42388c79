"""Resource types of other services that moto's CloudFormation lacks and that templates with ECR often have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext
from ecr_emulator.companions.cloudformation.resources.moto_failures import code_of, moto_failures
from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.resources.secrets import delete_secret, put_secret
from ecr_emulator.companions.cloudformation.resources.signing_profiles import (
    CREATE_ONLY,
    delete_profile,
    put_profile,
)
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack

Properties = dict[str, Any]
_MAX_NAME = 512


class OwnType(NamedTuple):
    """A resource type. ``put`` creates or changes a resource, and returns its identifier and attributes.

    A change of one of the properties in ``create_only`` replaces the resource.
    """

    put: Callable[[Stack, Resource, Properties], tuple[str, Properties]]
    delete: Callable[[Stack, Resource], None]
    create_only: tuple[str, ...] = ()


class OwnTypeHandler:
    """See ``context.Handler``."""

    def __init__(self, kind: str, context: DeploymentContext) -> None:
        self._kind = kind
        self._type = OWN_TYPES[kind]
        self._stack = context.stack

    def prepared(self, logical_id: str, properties: Properties) -> Properties:
        return properties

    def create(self, resource: Resource) -> None:
        self.update(resource, resource.properties)

    def replaces(self, resource: Resource, properties: Properties) -> bool:
        return any(resource.properties.get(name) != properties.get(name) for name in self._type.create_only)

    def update(self, resource: Resource, properties: Properties) -> None:
        with moto_failures(self._kind):
            resource.physical_id, resource.attributes = self._type.put(self._stack, resource, properties)
        resource.properties = properties

    def delete(self, resource: Resource) -> None:
        try:
            with moto_failures(self._kind):
                self._type.delete(self._stack, resource)
        except ResourceFailure as failure:
            code = code_of(failure.__cause__)
            if "NotFound" not in code and "NoSuch" not in code:
                raise

    def attribute(self, resource: Resource, name: str) -> Any:
        return resource.attributes[name]


def _put_nothing(stack: Stack, resource: Resource, properties: Properties) -> tuple[str, Properties]:
    return resource.physical_id or generated_name(stack, resource.logical_id, _MAX_NAME), {}


def _delete_nothing(stack: Stack, resource: Resource) -> None:
    """Delete a resource that consists of its record in the stack."""


def _put_bucket_policy(stack: Stack, resource: Resource, properties: Properties) -> tuple[str, Properties]:
    bucket, policy = properties["Bucket"], properties["PolicyDocument"]
    text = policy if isinstance(policy, str) else json.dumps(policy)
    s3_backends[stack.account][get_partition(stack.region)].put_bucket_policy(bucket, text.encode())
    return bucket, {}


def _delete_bucket_policy(stack: Stack, resource: Resource) -> None:
    s3_backends[stack.account][get_partition(stack.region)].delete_bucket_policy(resource.physical_id)


OWN_TYPES = {
    "AWS::CDK::Metadata": OwnType(_put_nothing, _delete_nothing),
    "AWS::CloudFormation::WaitConditionHandle": OwnType(_put_nothing, _delete_nothing),
    "AWS::S3::BucketPolicy": OwnType(_put_bucket_policy, _delete_bucket_policy, ("Bucket",)),
    "AWS::SecretsManager::Secret": OwnType(put_secret, delete_secret, ("Name",)),
    "AWS::Signer::SigningProfile": OwnType(put_profile, delete_profile, CREATE_ONLY),
}
"""Types by name. The first two have no effect at AWS either."""
