"""Access to ECR where IAM is enforced: collect the policies that apply to a request, and decide by them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/security-iam.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from ecr_emulator.domain.access.evaluate import Decision, Kind, decide
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import AccessRequest, Principal
from ecr_emulator.domain.account_settings import REGISTRY_POLICY_SCOPE
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, parse_repository_arn
from ecr_emulator.domain.policy_document import REGISTRY_POLICY
from ecr_emulator.domain.principals import account_of
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import AccessDeniedException, RepositoryNotFoundException
from ecr_emulator.ports.identities import Identities, Identity
from ecr_emulator.ports.store import Store, UnitOfWork
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.account_settings import account_setting

log = logging.getLogger(__name__)

Context = Mapping[str, tuple[str, ...]]
"""The values of condition keys."""

CREATE_REPOSITORY = "ecr:CreateRepository"
BATCH_IMPORT = "ecr:BatchImportUpstreamImage"
REPLICATE_IMAGE = "ecr:ReplicateImage"
SCOPE_V1 = frozenset({REPLICATE_IMAGE, BATCH_IMPORT, CREATE_REPOSITORY})
"""The actions that a registry policy of scope V1 decides on. A policy of scope V2 decides on all actions."""
PUSHES = frozenset({"ecr:InitiateLayerUpload", "ecr:PutImage"})
"""The actions that may create a repository from a creation template."""
BY_IDENTITY_ONLY = frozenset(
    {
        "ecr:GetAuthorizationToken",
        "ecr:CreatePullThroughCacheRule",
        "ecr:CreateRepositoryCreationTemplate",
        "ecr:UpdateRepositoryCreationTemplate",
        "ecr:DescribeRepositoryCreationTemplates",
        "ecr:DeleteRepositoryCreationTemplate",
    }
)
"""The actions that no registry policy can allow."""


NO_CONTEXT: Context = MappingProxyType({})
WITHIN_AWS: Context = MappingProxyType({"aws:SecureTransport": ("true",), "aws:ViaAWSService": ("false",)})
"""The condition keys of a request that ECR makes itself."""


class RequiredAction(NamedTuple):
    """An action that a request needs, its resource, and the condition keys that belong to the action."""

    action: str
    resource: str = "*"
    context: Context = NO_CONTEXT


class Permissions(Protocol):
    """The permissions of a caller in a registry."""

    def require(self, actions: list[RequiredAction]) -> None:
        """Raise ``AccessDeniedException`` unless all actions are allowed.

        Raises ``RepositoryNotFoundException`` if a push would create a repository and the caller may not create it.
        """

    def may(self, required: RequiredAction) -> bool:
        """Return whether an action is allowed."""

    def may_import(self, name: str) -> bool:
        """Return whether a pull of the caller may import an image into a repository that exists."""

    def may_import_into_new_repository(self, name: str) -> bool:
        """Return whether a pull of the caller may import an image and so create the repository."""


class Unlimited:
    """The permissions of every caller where IAM is not enforced."""

    def require(self, actions: list[RequiredAction]) -> None:
        """See ``Permissions.require``."""

    def may(self, required: RequiredAction) -> bool:
        """See ``Permissions.may``."""
        return True

    def may_import(self, name: str) -> bool:
        """See ``Permissions.may_import``."""
        return True

    def may_import_into_new_repository(self, name: str) -> bool:
        """See ``Permissions.may_import_into_new_repository``."""
        return True


UNLIMITED = Unlimited()


class Access:
    """Decides by the policies of identities, repositories and registries."""

    def __init__(self, identities: Identities, store: Store) -> None:
        self._identities = identities
        self._store = store

    def permissions(self, caller: Caller, registry: Registry, now: datetime, context: Context) -> Permissions:
        """Return the permissions of a caller in a registry; ``context`` holds the condition keys of the request."""
        return _Permissions(self._store, self._identities.identity_of(caller), registry, now, context)

    def permissions_in_role(self, role_arn: str, service: str, registry: Registry, now: datetime) -> Permissions:
        """Return the permissions that ECR itself has in a registry when it assumes a role as a service.

        Raises ``AccessDeniedException`` unless the role exists and trusts the service.
        """
        identity = self._identities.identity_in_role(role_arn)
        account = account_of(role_arn) or registry.id
        context = {**WITHIN_AWS, **_time_and_region(registry, now), "aws:SourceAccount": (account,)}
        assuming = AccessRequest(Principal.of_service(service), "sts:AssumeRole", role_arn, context)
        trust = (NamedPolicy("of those who may assume the role", identity.trust),) if identity.trust else ()
        decision = decide(assuming, Policies(resource=trust), account)
        if not decision.is_allowed:
            raise AccessDeniedException(decision.sentence if trust else f"There is no role {role_arn}")
        return _Permissions(self._store, identity, registry, now, WITHIN_AWS)


@dataclass(frozen=True)
class _Permissions:
    """The permissions of one caller in one registry, for the time of one request."""

    store: Store
    identity: Identity
    registry: Registry
    now: datetime
    context: Context

    def require(self, actions: list[RequiredAction]) -> None:
        """See ``Permissions.require``."""
        for required in actions:
            decision = self._decide(required)
            if not decision.is_allowed:
                who = self.identity.principal.arn
                log.info("%s on %s is denied to %s: %s", required.action, required.resource, who, decision.reason)
                raise AccessDeniedException(decision.sentence)
            if required.action in PUSHES:
                self._check_creation(required.resource)

    def may(self, required: RequiredAction) -> bool:
        """See ``Permissions.may``."""
        return self._decide(required).is_allowed

    def may_import(self, name: str) -> bool:
        """See ``Permissions.may_import``. ECR answers "not found" if the caller may not; the log has the reason."""
        return self._may_pull_through(name, BATCH_IMPORT)

    def may_import_into_new_repository(self, name: str) -> bool:
        """See ``Permissions.may_import_into_new_repository``."""
        return self._may_pull_through(name, BATCH_IMPORT) and self._may_pull_through(name, CREATE_REPOSITORY)

    def _may_pull_through(self, name: str, action: str) -> bool:
        return self._may_or_say("pull through of %s is not for %s: %s", action, self.registry.arn(name))

    def _check_creation(self, resource: str) -> None:
        registry, name = parse_repository_arn(resource) or (self.registry, "")
        with self.store.reading() as work:
            if work.repositories.find(registry, name):
                return
        if not self._may_or_say("creating %s on a push is not for %s: %s", CREATE_REPOSITORY, resource):
            raise RepositoryNotFoundException(repository_name=name, registry_id=registry.id)

    def _may_or_say(self, complaint: str, action: str, resource: str) -> bool:
        decision = self._decide(RequiredAction(action, resource))
        if not decision.is_allowed:
            log.warning(complaint, resource, self.identity.principal.arn, f"{action}: {decision.reason}")
        return decision.is_allowed

    def _decide(self, required: RequiredAction) -> Decision:
        with self.store.reading() as work:
            return decide_by_policies(work, self.identity, self.registry, required, self.context, self.now)


@dataclass(frozen=True)
class Concern:
    """The resource of a required action: its owner, the policies of resources that apply, and condition keys."""

    owner: str
    policies: tuple[NamedPolicy, ...] = ()
    context: Context = field(default_factory=dict)

    @classmethod
    def read(cls, work: UnitOfWork, required: RequiredAction, registry: Registry) -> Concern:
        """Read the resource of an action that is required in a registry."""
        if not required.action.startswith("ecr:"):
            return cls(account_of(required.resource) or registry.id)
        parsed = parse_repository_arn(required.resource)
        registry = parsed[0] if parsed else registry
        repository = work.repositories.find(*parsed) if parsed else None
        policies = list(_registry_policy(work, registry, required.action))
        if repository is None:
            return cls(registry.id, tuple(policies))
        if repository.policy:
            policies.append(NamedPolicy(f"of the repository {repository.name}", repository.policy))
        tags = {
            f"{prefix}:ResourceTag/{key}": (value,)
            for key, value in repository.resource_tags.items()
            for prefix in ("aws", "ecr")
        }
        return cls(registry.id, tuple(policies), tags)

    def decide(self, request: AccessRequest, policies: Policies) -> Decision:
        """Decide on a request, given the policies of its principal."""
        everything = decide(request, _with_resource(policies, self.policies), self.owner)
        if request.action in BY_IDENTITY_ONLY and everything.kind is not Kind.EXPLICIT_DENY:
            return decide(request, policies, self.owner)
        return everything


def decide_by_policies(
    work: UnitOfWork, identity: Identity, registry: Registry, required: RequiredAction, context: Context, now: datetime
) -> Decision:
    """Decide whether an identity may perform an action in a registry; ``context`` has the keys of the request."""
    concern = Concern.read(work, required, registry)
    where = _time_and_region(registry, now)
    context = {**context, **identity.context, **concern.context, **required.context, **where}
    request = AccessRequest(identity.principal, required.action, required.resource, context)
    return concern.decide(request, identity.policies)


def admits_replica(work: UnitOfWork, source: Repository, destination: Registry, now: datetime) -> bool:
    """Return whether the registry policy of a destination allows replication from another account.

    Replication within an account is always allowed.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions-create-replication.html
    """
    if source.registry.id == destination.id:
        return True
    resource = destination.arn(source.name)
    principal = Principal.of_arn(Caller.root_of(source.registry).principal_arn)
    exists = work.repositories.find(destination, source.name) is not None
    for action in (REPLICATE_IMAGE,) if exists else (REPLICATE_IMAGE, CREATE_REPOSITORY):
        concern = Concern.read(work, RequiredAction(action, resource), destination)
        context = {**WITHIN_AWS, **_time_and_region(destination, now), **concern.context}
        decision = concern.decide(AccessRequest(principal, action, resource, context), Policies())
        if not decision.is_allowed:
            log.warning("replication of %s by %s is denied: %s", resource, principal.arn, decision.reason)
            return False
    return True


def _time_and_region(registry: Registry, now: datetime) -> Context:
    return {
        "aws:CurrentTime": (now.isoformat(),),
        "aws:EpochTime": (str(int(now.timestamp())),),
        "aws:RequestedRegion": (registry.region,),
    }


def _with_resource(policies: Policies, resource: tuple[NamedPolicy, ...]) -> Policies:
    return Policies(policies.identity, policies.boundary, policies.session, resource)


def _registry_policy(work: UnitOfWork, registry: Registry, action: str) -> list[NamedPolicy]:
    text: str | None = work.registry_documents.find(registry, REGISTRY_POLICY)
    if text is None:
        return []
    if action not in SCOPE_V1 and account_setting(work, registry, REGISTRY_POLICY_SCOPE) == "V1":
        return []
    return [NamedPolicy(f"of the registry {registry.id} in {registry.region}", text)]
