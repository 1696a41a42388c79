"""The policies that apply to one request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """The text of a policy, and how people call it: an ARN, or the name of an inline policy."""

    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that has a say in whether a principal may act on a resource.

    ``identity``: attached to the user and its groups, or to the role, inline and managed. ``boundary``: the
    permissions boundary of the user or role. ``session``: what was passed when the session was made. ``resource``:
    the policy of the repository and, where its scope covers the action, that of the registry.
    """

    identity: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] = ()
    resource: tuple[NamedPolicy, ...] = ()
