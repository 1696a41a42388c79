"""The handlers of resource types, by the names of the types."""

from __future__ import annotations

from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext, Handler
from ecr_emulator.companions.cloudformation.resources.ecr_handler import ECR_TYPES, EcrHandler
from ecr_emulator.companions.cloudformation.resources.ecr_types import PREFIX
from ecr_emulator.companions.cloudformation.resources.iam_handlers import IAM_TYPES, IamHandler
from ecr_emulator.companions.cloudformation.resources.moto_handler import MotoHandler, model_of
from ecr_emulator.companions.cloudformation.resources.nested_stacks import NestedStackHandler
from ecr_emulator.companions.cloudformation.resources.own_types import OWN_TYPES, OwnTypeHandler
from ecr_emulator.companions.cloudformation.resources.shared_resources import SHARED, SharedResourceHandler
from ecr_emulator.companions.cloudformation.stacks import STACK


def handler_of(kind: str, context: DeploymentContext) -> Handler:
    """Return the handler of a resource type that ``is_known``."""
    if kind.startswith(SHARED):
        return SharedResourceHandler(lambda: _handler_of(kind, context), context)
    return _handler_of(kind, context)


def _handler_of(kind: str, context: DeploymentContext) -> Handler:
    if kind in ECR_TYPES:
        return EcrHandler(kind, context)
    if kind == STACK:
        return NestedStackHandler(context)
    if kind in OWN_TYPES:
        return OwnTypeHandler(kind, context)
    if kind in IAM_TYPES:
        return IamHandler(kind, context)
    return MotoHandler(kind, context)


def is_known(kind: str) -> bool:
    """Whether a resource type has a handler."""
    if kind.startswith(PREFIX):
        return kind in ECR_TYPES
    return kind == STACK or kind in OWN_TYPES or model_of(kind) is not None
