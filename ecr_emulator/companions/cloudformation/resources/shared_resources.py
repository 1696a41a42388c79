"""Resources of stacks that nodes share: those of IAM and of the other services that are kept in documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.iam.models import InlinePolicy, iam_backends
from moto.utilities.utils import get_partition

from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext, Handler
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack

SHARED = ("AWS::IAM::", "AWS::KMS::", "AWS::SecretsManager::", "AWS::Signer::")
"""The beginnings of the names of their types."""

_OF_IAM = {
    "Role": ("roles", "id"),
    "User": ("users", "name"),
    "ManagedPolicy": ("managed_policies", "arn"),
    "InstanceProfile": ("instance_profiles", "name"),
    "AccessKey": ("access_keys", "access_key_id"),
}
"""The attributes of moto's IAM with the entities of each class, and the attributes that are their keys."""


class SharedResourceHandler:
    """See ``context.Handler``. Each change of a resource begins with what other nodes have changed, and is stored.

    ``make`` makes the handler, with moto's state of that moment.
    """

    def __init__(self, make: Callable[[], Handler], context: DeploymentContext) -> None:
        self._make = make
        self._stack = context.stack
        self._changing = context.backend.callers.changing_documents

    def prepared(self, logical_id: str, properties: dict[str, Any]) -> dict[str, Any]:
        return self._make().prepared(logical_id, properties)

    def create(self, resource: Resource) -> None:
        with self._changing():
            self._make().create(resource)

    def replaces(self, resource: Resource, properties: dict[str, Any]) -> bool:
        return self._make().replaces(resource, properties)

    def update(self, resource: Resource, properties: dict[str, Any]) -> None:
        with self._changing():
            resource.model = _present(resource.model, self._stack)
            self._make().update(resource, properties)

    def delete(self, resource: Resource) -> None:
        with self._changing():
            resource.model = _present(resource.model, self._stack)
            self._make().delete(resource)

    def attribute(self, resource: Resource, name: str) -> Any:
        return self._make().attribute(resource, name)


def _present(model: Any, stack: Stack) -> Any:
    """Return moto's present object in the place of the one that the stack made, before another node's change was read.

    An object that is gone is returned as it was. moto keeps inline policies of stacks only in its memory.
    """
    kind = type(model).__name__
    iam: Any = iam_backends[stack.account][get_partition(stack.region)]
    if isinstance(model, InlinePolicy):
        return iam.inline_policies.setdefault(model.name, model)
    if kind in _OF_IAM:
        entities, key = _OF_IAM[kind]
        return getattr(iam, entities).get(getattr(model, key), model)
    if kind == "Key":
        from moto.kms.models import kms_backends  # loaded already: it has made the key

        return kms_backends[stack.account][stack.region].keys.get(model.id, model)
    return model
