"""The handlers of resource types, and the types that nothing can create."""

from __future__ import annotations

from collections.abc import Iterable

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.resources.context import DeploymentContext, Handler
from ecr_emulator.companions.cloudformation.resources.ecr_handler import ECR_TYPES, EcrHandler
from ecr_emulator.companions.cloudformation.resources.ecr_types import PREFIX
from ecr_emulator.companions.cloudformation.resources.iam_handlers import IAM_TYPES, IamHandler
from ecr_emulator.companions.cloudformation.resources.moto_handler import MotoHandler, model_of
from ecr_emulator.companions.cloudformation.resources.nested_stacks import NestedStackHandler
from ecr_emulator.companions.cloudformation.resources.own_types import OWN_TYPES, OwnTypeHandler
from ecr_emulator.companions.cloudformation.stacks import STACK

_PUBLIC = f"{PREFIX}PublicRepository"


def handler_of(kind: str, context: DeploymentContext) -> Handler:
    """Return the handler of a resource type that ``check_types`` accepts."""
    if kind in ECR_TYPES:
        return EcrHandler(kind, context)
    if kind == STACK:
        return NestedStackHandler(context)
    if kind in OWN_TYPES:
        return OwnTypeHandler(kind, context)
    if kind in IAM_TYPES:
        return IamHandler(kind, context)
    return MotoHandler(kind, context)


def check_types(kinds: Iterable[str]) -> None:
    """Raise moto's ``ValidationError`` if a resource type has no handler."""
    unknown = sorted({kind for kind in kinds if not _is_known(kind)})
    if unknown:
        reason = "This emulator creates resources of ECR and those that CloudFormation of moto knows."
        if unknown == [_PUBLIC]:
            reason = "This emulator has private registries only, and no Amazon ECR Public."
        raise invalid(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. {reason}")


def _is_known(kind: str) -> bool:
    if kind.startswith(PREFIX):
        return kind in ECR_TYPES
    return kind == STACK or kind in OWN_TYPES or model_of(kind) is not None
