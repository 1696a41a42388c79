"""Statements of policies, and the check whether a statement applies to a request."""

from __future__ import annotations

from ecr_emulator.domain.access.conditions import Condition, Presence
from ecr_emulator.domain.access.patterns import ArnPattern, Names
from ecr_emulator.domain.access.prepared_request import PreparedRequest
from ecr_emulator.domain.access.principal_element import PrincipalElement, Reach
from ecr_emulator.quick_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actions:
    """An Action element, or NotAction if it ``excludes``. It ignores case."""

    names: Names
    excludes: bool

    @classmethod
    def read(cls, names: list[str], excludes: bool) -> Actions:
        return cls(Names([name.lower() for name in names]), excludes)

    def cover(self, request: PreparedRequest) -> bool:
        return self.names.match(request.action) is not self.excludes


@dataclass(frozen=True, slots=True)
class Resources:
    """A Resource element, or NotResource if it ``excludes``."""

    patterns: tuple[ArnPattern, ...]
    excludes: bool

    @classmethod
    def read(cls, arns: list[str], excludes: bool, *, variables: bool) -> Resources:
        patterns = (ArnPattern.read(arn, variables=variables, only_in_last=True) for arn in arns)
        return cls(tuple(patterns), excludes)

    def cover(self, request: PreparedRequest) -> bool:
        return any(each.matches(request.resource, request.value) for each in self.patterns) is not self.excludes


@dataclass(frozen=True, slots=True)
class Principals:
    """A Principal element, or NotPrincipal if it ``excludes``."""

    element: PrincipalElement
    excludes: bool

    def reach(self, request: PreparedRequest, *, is_allow: bool) -> Reach:
        """Return the way in which the element names the principal of a request.

        NotPrincipal errs on the safe side: an Allow excludes every principal that is named in any way; a Deny excludes
        only a principal that is named with its role and account and has no permissions boundary.
        """
        principal = request.principal
        if not self.excludes:
            return self.element.reach(principal)
        if is_allow:
            is_left_out = self.element.reach(principal) is not Reach.NONE
        else:
            is_left_out = self.element.mean_all_of(principal) and not request.is_bounded
        return Reach.NONE if is_left_out else Reach.DIRECT


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Without ``resources`` it applies to the resource of its policy; without ``principals`` it applies
    to the identity that has the policy."""

    label: str
    is_allow: bool
    actions: Actions
    resources: Resources | None
    principals: Principals | None
    conditions: tuple[Condition | Presence, ...]

    def reach(self, request: PreparedRequest) -> Reach:
        """Return the way in which the statement names the principal; ``NONE`` if it does not apply to the request."""
        if not self.actions.cover(request) or (self.resources and not self.resources.cover(request)):
            return Reach.NONE
        reach = self.means(request)
        return reach if reach and all(condition.holds(request) for condition in self.conditions) else Reach.NONE

    def means(self, request: PreparedRequest) -> Reach:
        """Return the way in which the statement names the principal, without a look at actions and conditions."""
        return self.principals.reach(request, is_allow=self.is_allow) if self.principals else Reach.DIRECT
