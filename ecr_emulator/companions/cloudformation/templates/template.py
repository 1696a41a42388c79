"""The structure of a template: its resources, and the order in which they depend on each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.templates.intrinsics import references
from ecr_emulator.companions.cloudformation.templates.shape import check_shape
from ecr_emulator.companions.cloudformation.templates.text import read_template
from ecr_emulator.quick_dataclasses import dataclass

_SIGNIFICANT = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs")
"""The sections that change a stack when they change."""


@dataclass(frozen=True)
class Template:
    """A template whose structure is valid. ``text`` is the template as it was given."""

    text: str
    content: dict[str, Any]

    @classmethod
    def of(cls, text: str) -> Template:
        """Read a template. Raises moto's ``ValidationError`` if its structure is not valid."""
        content = read_template(text)
        check_shape(content)
        return cls(text, content)

    @property
    def description(self) -> str | None:
        """The description of the template."""
        return self.content.get("Description")

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The definitions of the resources by their logical names."""
        resources: dict[str, dict[str, Any]] = self.content["Resources"]
        return resources

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """The definitions of the outputs by their names."""
        return self.content.get("Outputs") or {}

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The declarations of the parameters by their names."""
        return self.content.get("Parameters") or {}

    @cached_property
    def significant(self) -> dict[str, Any]:
        """The parts of the template whose change changes a stack."""
        return {name: self.content[name] for name in _SIGNIFICANT if name in self.content}

    def order(self, decide: Callable[[str], bool]) -> list[str]:
        """Return the names of the resources whose conditions hold, each after those on which it depends.

        Raises moto's ``ValidationError`` for references that lead nowhere or in a circle.
        """
        included = [name for name, each in self.resources.items() if self._holds(each, decide)]
        graph = {name: list(self._dependencies(name, included, decide)) for name in included}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as cycle:
            names = sorted(set(cycle.args[1]))
            raise invalid(f"Circular dependency between resources: [{', '.join(names)}]") from cycle

    def check_outputs(self, included: Collection[str], decide: Callable[[str], bool]) -> None:
        """Raise moto's ``ValidationError`` unless outputs refer only to resources that exist."""
        for output in self.outputs.values():
            if not isinstance(output, dict) or "Value" not in output:
                raise invalid("Template format error: Every Outputs member must contain a Value object")
            if self._holds(output, decide):
                self._check_references(output, included, decide, "Outputs")

    def shown_outputs(self, decide: Callable[[str], bool]) -> dict[str, dict[str, Any]]:
        """Return the outputs whose conditions hold."""
        return {name: each for name, each in self.outputs.items() if self._holds(each, decide)}

    @staticmethod
    def _holds(definition: dict[str, Any], decide: Callable[[str], bool]) -> bool:
        return "Condition" not in definition or decide(definition["Condition"])

    def _dependencies(self, name: str, included: Collection[str], decide: Callable[[str], bool]) -> Iterator[str]:
        resource = self.resources[name]
        named = resource.get("DependsOn", [])
        for each in [named] if isinstance(named, str) else named:
            if each not in self.resources:
                raise _unresolved([each], "Resources")
            if each in included:
                yield each
        yield from self._check_references(resource.get("Properties", {}), included, decide, "Resources")

    def _check_references(
        self, value: Any, included: Collection[str], decide: Callable[[str], bool], section: str
    ) -> list[str]:
        """Return the resources to which a value refers."""
        found = list(references(value, decide))
        for each in found:
            if each.attribute is not None and each.name not in self.resources:
                raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {each.name}")
        others = {each.name for each in found if each.name not in self.parameters and not each.name.startswith("AWS::")}
        missing = sorted(others.difference(included))
        if missing:
            raise _unresolved(missing, section)
        return sorted(others)


def _unresolved(names: list[str], section: str) -> Exception:
    return invalid(
        f"Template format error: Unresolved resource dependencies [{', '.join(names)}] "
        f"in the {section} block of the template"
    )
