"""Checks of a target that need no resources: whatever fails here fails before anything is created."""

from __future__ import annotations

from collections.abc import Collection

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.resources.ecr_handler import ECR_TYPES
from ecr_emulator.companions.cloudformation.resources.ecr_types import PREFIX
from ecr_emulator.companions.cloudformation.resources.handlers import is_known
from ecr_emulator.companions.cloudformation.resources.schemas import schema_of
from ecr_emulator.companions.cloudformation.templates.target import Target

_PUBLIC = f"{PREFIX}PublicRepository"


def check_target(target: Target) -> None:
    """Raise moto's ``ValidationError`` if a target can never be reached. Resources of ECR need cfn-lint."""
    target.check_rules()
    kinds = {name: target.template.resources[name]["Type"] for name in target.order()}
    _check_types(set(kinds.values()))
    for reference in target.references():
        kind = kinds.get(reference.name, "")
        if kind in ECR_TYPES and isinstance(reference.attribute, str):
            _check_attribute(kind, reference.attribute)


def _check_types(kinds: Collection[str]) -> None:
    unknown = sorted(kind for kind in kinds if not is_known(kind))
    if unknown:
        reason = "This emulator creates resources of ECR and those that CloudFormation of moto knows."
        if unknown == [_PUBLIC]:
            reason = "This emulator has private registries only, and no Amazon ECR Public."
        raise invalid(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. {reason}")
    for kind in ECR_TYPES.keys() & kinds:
        schema_of(kind)


def _check_attribute(kind: str, attribute: str) -> None:
    if attribute not in schema_of(kind).read_only:
        short = kind.rpartition(":")[2]
        raise invalid(f"Template error: resource {short} does not support attribute type {attribute} in Fn::GetAtt")
