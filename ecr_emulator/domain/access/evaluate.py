"""The decision about a request, by the order of IAM's policy evaluation, and the messages about it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from enum import Enum

from ecr_emulator.domain.access.document import Document, read_document
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.prepared_request import PreparedRequest
from ecr_emulator.domain.access.principal_element import Reach
from ecr_emulator.domain.access.request import AccessRequest
from ecr_emulator.quick_dataclasses import dataclass


class Kind(Enum):
    """The reason for a decision."""

    EXPLICIT_ALLOW = "explicit allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed.

    ``reason`` tells users the policy and statement that decided, or the Allow that is missing. ``sentence`` is the
    message of AWS's ``AccessDeniedException``; empty if the request is allowed.
    """

    is_allowed: bool
    kind: Kind
    reason: str
    sentence: str = ""


class _Source(Enum):
    """The types of policies in AWS's words, each with its article."""

    IDENTITY = "an", "identity-based policy"
    BOUNDARY = "a", "permissions boundary"
    SESSION = "a", "session policy"
    RESOURCE = "a", "resource-based policy"

    @property
    def words(self) -> str:
        return self.value[1]

    @property
    def with_article(self) -> str:
        return " ".join(self.value)


@dataclass(frozen=True, slots=True)
class _Allow:
    """The most direct Allow for a request in the policies of one source."""

    reach: Reach
    reason: str


def decide(
    request: AccessRequest, policies: Policies, owner_account: str, *, requires_resource_policy: bool = False
) -> Decision:
    """Decide whether a principal may make a request for a resource of ``owner_account``. Never raises.

    A Deny in any policy wins. A principal of the same account needs an Allow in its own policies (within its boundary
    and session policies) or in the policy of the resource; a principal of another account needs both; a service needs
    the policy of the resource. The root of the account may do everything. While a policy that cannot be parsed applies,
    nothing is allowed. With ``requires_resource_policy``, as for the trust policy of a role, the policy of the resource
    must allow the request of a principal of the same account too, unless it is the root.
    """
    return _Evaluation(request, policies, owner_account, requires_resource_policy).decision()


class _Evaluation:
    """The evaluation of one request by all policies that apply to it."""

    def __init__(
        self, request: AccessRequest, policies: Policies, owner_account: str, requires_resource_policy: bool
    ) -> None:
        self._request = request
        self._is_at_home = request.principal.account == owner_account
        self._requires_resource_policy = requires_resource_policy or not self._is_at_home
        self._prepared = PreparedRequest(request, owner_account, is_bounded=policies.boundary is not None)
        self._policies = {
            _Source.IDENTITY: policies.identity,
            _Source.BOUNDARY: (policies.boundary,) if policies.boundary else (),
            _Source.SESSION: policies.session,
            _Source.RESOURCE: policies.resource,
        }

    def decision(self) -> Decision:
        return self._denied() or self._unreadable() or self._by_allows()

    def _denied(self) -> Decision | None:
        for source, policies in self._policies.items():
            for policy in policies:
                for statement in _read(policy, source).denies:
                    if statement.reach(self._prepared):
                        return self._explicit_deny(source, policy, statement.label)
        return None

    def _unreadable(self) -> Decision | None:
        for source, policies in self._policies.items():
            for policy in policies:
                defect = _read(policy, source).defect
                if defect:
                    reason = f"the {source.words} {policy.name!r} cannot be read, so that nothing is allowed: {defect}"
                    return self._implicit_deny(source, reason)
        return None

    def _by_allows(self) -> Decision:
        """Return the decision if no policy denies the request: every source that must allow it needs an Allow."""
        granted = self._allow(_Source.RESOURCE)
        if self._is_at_home and self._request.principal.is_root:
            return Decision(True, Kind.EXPLICIT_ALLOW, "the root of an account may do everything in it")
        if self._is_at_home and granted and granted.reach is Reach.DIRECT:
            return Decision(True, Kind.EXPLICIT_ALLOW, granted.reason)
        needed = self._needed(granted)
        missing = next((source for source, allow in needed.items() if allow is None), None)
        if missing:
            return self._implicit_deny(missing, self._what_is_missing(missing, granted))
        return Decision(True, Kind.EXPLICIT_ALLOW, "; ".join(allow.reason for allow in needed.values() if allow))

    def _needed(self, granted: _Allow | None) -> dict[_Source, _Allow | None]:
        """Return the sources that must allow the request, with their Allow. ``granted`` is that of the resource."""
        principal = self._request.principal
        if principal.account is None:
            return {_Source.RESOURCE: granted}
        needed = {_Source.IDENTITY: self._allow(_Source.IDENTITY)}
        if principal.is_root:
            needed[_Source.IDENTITY] = _Allow(Reach.DIRECT, "a root has every permission that its account can give")
        if self._is_at_home and granted and granted.reach is Reach.ISSUER:
            needed[_Source.IDENTITY] = granted
        needed |= {
            source: self._allow(source) for source in (_Source.BOUNDARY, _Source.SESSION) if self._policies[source]
        }
        return needed | {_Source.RESOURCE: granted} if self._requires_resource_policy else needed

    def _allow(self, source: _Source) -> _Allow | None:
        """Return the most direct Allow of a source; None if it has none."""
        best: _Allow | None = None
        for policy in self._policies[source]:
            for statement in _read(policy, source).allows:
                reach = statement.reach(self._prepared)
                if reach > (best.reach if best else Reach.NONE):
                    best = _Allow(reach, f"the {source.words} {policy.name!r} allows it in {statement.label}")
                if reach is Reach.DIRECT:
                    return best
        return best

    # --- Messages -----------------------------------------------------------------------------------------

    def _explicit_deny(self, source: _Source, policy: NamedPolicy, label: str) -> Decision:
        reason = f"the {source.words} {policy.name!r} denies it in {label}"
        tells_arn = self._is_at_home and source is not _Source.RESOURCE and policy.name.startswith("arn:")
        told = f": {policy.name}" if tells_arn else ""
        sentence = f"{self._not_authorized()} with an explicit deny in {source.with_article}{told}"
        return Decision(False, Kind.EXPLICIT_DENY, reason, sentence)

    def _implicit_deny(self, source: _Source, reason: str) -> Decision:
        sentence = f"{self._not_authorized()} because no {source.words} allows the {self._request.action} action"
        return Decision(False, Kind.IMPLICIT_DENY, reason, sentence)

    def _not_authorized(self) -> str:
        request = self._request
        return (
            f"User: {request.principal.arn} is not authorized to perform: {request.action} "
            f"on resource: {request.resource}"
        )

    def _what_is_missing(self, source: _Source, granted: _Allow | None) -> str:
        names = ", ".join(repr(policy.name) for policy in self._policies[source])
        reason = f"no {source.words} allows it ({f'looked at {names}' if names else 'there is none'})"
        if self._is_at_home and source is _Source.IDENTITY and granted:
            return f"{reason}; {granted.reason} to the account as a whole, which leaves it to identity-based policies"
        if self._is_at_home and source is _Source.IDENTITY:
            return f"{reason}, nor does any {_Source.RESOURCE.words}"
        return reason


def _read(policy: NamedPolicy, source: _Source) -> Document:
    return read_document(policy.document, names_principals=source is _Source.RESOURCE)
