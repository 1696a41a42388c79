"""Names that CloudFormation generates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
"""

from __future__ import annotations

from ecr_emulator.companions.cloudformation.stacks import Stack

_RANDOM_CHARACTERS = 12


def generated_name(stack: Stack, logical_id: str, longest: int) -> str:
    """Return ``stack-logicalid-random`` for a resource of a stack that has no name of its own."""
    from moto.cloudformation.utils import random_suffix

    name = f"{stack.name}-{logical_id}"[: longest - _RANDOM_CHARACTERS - 1].rstrip("-")
    return f"{name}-{random_suffix()}"
