"""Exports: outputs of a stack that other stacks of the account and Region import."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from moto.cloudformation.parsing import Export

from ecr_emulator.companions.cloudformation.failures import ResourceFailure
from ecr_emulator.companions.cloudformation.stacks import Stack


class Exports:
    """The exports of an account and Region. ``published`` are those of moto, by their names."""

    def __init__(self, published: dict[str, Export], stacks: Collection[Stack]) -> None:
        self._published = published
        self._stacks = stacks

    def publish(self, stack: Stack, outputs: list[dict[str, Any]]) -> None:
        """Replace the exports of a stack. Raises ``ResourceFailure`` for a name that another stack exports."""
        wanted = {each["ExportName"]: each["OutputValue"] for each in outputs if "ExportName" in each}
        for name in wanted:
            owner = self._published.get(name)
            if owner and owner.exporting_stack_id != stack.stack_id:
                other = next(each.name for each in self._stacks if each.stack_id == owner.exporting_stack_id)
                raise ResourceFailure(f"Export with name {name} is already exported by stack {other}")
        self.remove(stack, wanted)
        for name, value in wanted.items():
            self._published[name] = Export(stack.stack_id, name, value)

    def remove(self, stack: Stack, kept: Collection[str] = ()) -> None:
        """Remove the exports of a stack. Raises ``ResourceFailure`` for one that another stack imports."""
        for name, export in list(self._published.items()):
            if export.exporting_stack_id == stack.stack_id and name not in kept:
                importers = self.importers_of(name)
                if importers:
                    raise ResourceFailure(f"Export {name} cannot be deleted as it is in use by {', '.join(importers)}")
                del self._published[name]

    def importers_of(self, name: str) -> list[str]:
        """Return the names of the stacks that import an export."""
        return [each.name for each in self._stacks if name in each.imports]
