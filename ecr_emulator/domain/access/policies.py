"""The policies that apply to one request."""

from __future__ import annotations

from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """The text of a policy and its name: an ARN, or the name of an inline policy."""

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies that decide whether a principal may act on a resource.

    ``identity``: inline and managed policies of the user and its groups, or of the role. ``boundary``: the permissions
    boundary of the user or role. ``session``: the policies that were passed when the session was created.
    ``resource``: the policy of the repository and, if its scope covers the action, the policy of the registry.
    """

    identity: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] = ()
    resource: tuple[NamedPolicy, ...] = ()
