"""Terraform as far as a provider sees it: plan, apply, refresh, import and destroy of one resource.

The resources in this package send the requests that Terraform's AWS provider sends, in the same order, and keep the
attributes that it keeps. They follow its public source, https://github.com/hashicorp/terraform-provider-aws.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

Attributes = dict[str, Any]
CREATE, UPDATE, REPLACE, NOTHING = "create", "update in-place", "replace", "no changes"


class Resource:
    """A resource of the provider. ``ecr`` is a client that sends what it is given, like the SDK of Go."""

    type_name: ClassVar[str]
    """The type in a configuration, as ``aws_ecr_repository``."""
    optional: ClassVar[Attributes] = {}
    """The values of attributes that a configuration leaves out. Attributes that AWS chooses are not here."""
    forces_new: ClassVar[frozenset[str]] = frozenset()
    """The attributes that cannot be updated."""
    sets: ClassVar[frozenset[str]] = frozenset()
    """The attributes without an order, also within their blocks."""
    documents: ClassVar[frozenset[str]] = frozenset()
    """The attributes that hold JSON, which is compared without its white space and the order of its members."""
    policies: ClassVar[frozenset[str]] = frozenset()
    """The attributes that hold policies, which are compared by their meaning: ``["a"]`` is the same as ``"a"``."""

    def __init__(self, ecr: Any) -> None:
        self.ecr = ecr

    def create(self, config: Attributes) -> str:
        """Create the resource, and return its id."""
        raise NotImplementedError

    def read(self, id_: str) -> Attributes | None:
        """Return the attributes; None if the provider takes the answer for "gone"."""
        raise NotImplementedError

    def update(self, id_: str, before: Attributes, config: Attributes) -> None:
        """Change the resource."""
        raise NotImplementedError

    def delete(self, id_: str, state: Attributes) -> None:
        """Delete the resource. One that is gone is no error."""
        raise NotImplementedError

    def changes(self, config: Attributes, state: Attributes) -> set[str]:
        """Return the names of the attributes that differ."""
        wanted = {**self.optional, **config}
        return {name for name, value in wanted.items() if self._plain(name, value) != self._plain(name, state[name])}

    def _plain(self, name: str, value: Any) -> Any:
        if name in self.documents:
            return json.loads(value) if value else None
        if name in self.policies:
            return _meaning(json.loads(value)) if value else None
        return _unordered(value) if name in self.sets else value


class Workspace:
    """The state of one resource, and the commands that use it."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.id: str | None = None
        self.state: Attributes = {}

    def plan(self, config: Attributes) -> tuple[str, set[str]]:
        """Refresh the state, and return what Terraform would do, and because of which attributes."""
        self._refresh()
        if self.id is None:
            return CREATE, set()
        changed = self.resource.changes(config, self.state)
        if changed & self.resource.forces_new:
            return REPLACE, changed
        return (UPDATE if changed else NOTHING), changed

    def apply(self, config: Attributes) -> str:
        """Make the resource as it is configured, and return what Terraform did."""
        done, _ = self.plan(config)
        if done == REPLACE:
            self.destroy()
        if done in (CREATE, REPLACE):
            self.id = self.resource.create(config)
        elif done == UPDATE and self.id:
            self.resource.update(self.id, self.state, config)
        self._refresh()
        assert self.id is not None, f"{self.resource.type_name} is gone after it was applied"
        return done

    def destroy(self) -> None:
        """Delete the resource."""
        if self.id is not None:
            self.resource.delete(self.id, self.state)
            self.id = None

    def import_(self, id_: str) -> None:
        """Take a resource that exists into an empty state."""
        self.id = id_
        self._refresh()
        if self.id is None:
            raise AssertionError(f"Cannot import non-existent remote object {id_}")

    def _refresh(self) -> None:
        found = self.resource.read(self.id) if self.id is not None else None
        if found is None:
            self.id, self.state = None, {}
        else:
            self.state = found


def walk(resource: Resource, *configs: Attributes) -> Workspace:
    """Apply one configuration after the other, and then destroy and recreate the resource.

    After each step two plans must be empty, and an import must find the same state.
    """
    workspace = Workspace(resource)
    for config in configs:
        workspace.apply(config)
        _check_is_stable(workspace, config)
    id_, state = str(workspace.id), workspace.state
    workspace.destroy()
    assert resource.read(id_) is None, f"{resource.type_name} is still there after it was destroyed"
    resource.delete(id_, state)
    assert workspace.apply(configs[-1]) == CREATE
    _check_is_stable(workspace, configs[-1])
    return workspace


def _check_is_stable(workspace: Workspace, config: Attributes) -> None:
    for _ in range(2):
        assert workspace.plan(config) == (NOTHING, set())
    again = Workspace(workspace.resource)
    again.import_(str(workspace.id))
    assert (again.id, again.state) == (workspace.id, workspace.state)
    assert again.plan(config) == (NOTHING, set())


def _unordered(value: Any) -> Any:
    if isinstance(value, list):
        return sorted((_unordered(each) for each in value), key=_text)
    return {name: _unordered(each) for name, each in value.items()} if isinstance(value, dict) else value


def _meaning(value: Any) -> Any:
    """Return a policy without the order of its lists, and with the only element of a list in place of the list."""
    if isinstance(value, list):
        elements = sorted((_meaning(each) for each in value), key=_text)
        return elements[0] if len(elements) == 1 else elements
    return {name: _meaning(each) for name, each in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
