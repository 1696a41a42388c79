"""The state that a stack is brought to: a template with the values of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.templates.intrinsics import Reference, references
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

    def references(self) -> Iterator[Reference]:
        """Yield the references in the resources and outputs whose conditions hold."""
        decide = self._conditions().decide
        for name in self.template.order(decide):
            yield from references(self.template.resources[name].get("Properties", {}), decide)
        for output in self.template.shown_outputs(decide).values():
            yield from references(output, decide)

    def check_rules(self) -> None:
        """Raise moto's ``ValidationError`` if an assertion about the parameters does not hold."""
        values = self._conditions()
        for name, rule in (self.template.content.get("Rules") or {}).items():
            if "RuleCondition" in rule and not values.is_true(rule["RuleCondition"]):
                continue
            for assertion in rule.get("Assertions", ()):
                if not values.is_true(assertion["Assert"]):
                    described = assertion.get("AssertDescription", "its assertion does not hold")
                    raise invalid(f"Template validation error: rule {name} failed: {described}")

    def is_like(self, other: Target) -> bool:
        """Whether a change to the other target changes nothing."""
        return self.template.significant == other.template.significant and self.parameters == other.parameters

    def _conditions(self) -> Values:
        """Return an evaluation for conditions, which cannot refer to resources."""
        return self.values(str, lambda name, attribute: f"{name}.{attribute}", str)
