"""The state that a stack is brought to: a template with the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecr_emulator.companions.cloudformation.templates.template import Template
from ecr_emulator.companions.cloudformation.templates.values import Values
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A template, the parameters that were given, and the values of all parameters and pseudo parameters."""

    template: Template
    given: Mapping[str, str]
    parameters: Mapping[str, Any]
    names: Mapping[str, Any]

    def values(
        self,
        refer: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
        imported: Callable[[str], Any],
    ) -> Values:
        """Return the evaluation of this template over the resources of a stack."""
        return Values(self.names, self.template.content, refer, attribute, imported)

    def order(self) -> list[str]:
        """Return the names of the resources in the order in which they are created."""
        decide = self._conditions().decide
        order = self.template.order(decide)
        self.template.check_outputs(order, decide)
        return order

    def is_like(self, other: Target) -> bool:
        """Whether a change to the other target changes nothing."""
        return self.template.significant == other.template.significant and self.parameters == other.parameters

    def _conditions(self) -> Values:
        """Return an evaluation for conditions, which cannot refer to resources."""
        return self.values(str, lambda name, attribute: f"{name}.{attribute}", str)
