"""The permissions of deployments: those of the caller of CloudFormation, or of the role that the stack has.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.exceptions import Forbidden

from ecr_emulator.companions.cloudformation.failures import invalid
from ecr_emulator.companions.cloudformation.resources.ecr_calls import EcrCalls
from ecr_emulator.companions.cloudformation.stacks import Stack
from ecr_emulator.companions.iam.role_sessions import begin_role_session
from ecr_emulator.companions.query import query_error
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.domain.principals import account_of
from ecr_emulator.ports.ecr_api import EcrApi, ForwardedAccess
from ecr_emulator.ports.identities import Identities
from ecr_emulator.ports.time import Clock
from ecr_emulator.quick_dataclasses import dataclass

SERVICE = "cloudformation.amazonaws.com"
_SESSION = "AWSCloudFormation"
_OF_STACK_SETS = "arn:{partition}:iam::{account}:role/AWSCloudFormationStackSetExecutionRole"


class CloudFormationRequest(NamedTuple):
    """The request to CloudFormation that this thread answers."""

    access_key: str
    environ: Mapping[str, Any]


REQUEST: ContextVar[CloudFormationRequest] = ContextVar("cloudformation_request")


@dataclass(frozen=True)
class StackCallers:
    """Finds the permissions with which the resources of stacks are made. ``enforces`` says whether they matter.

    ``changing_documents`` surrounds a change of a resource that all nodes share.
    """

    ecr: EcrApi
    identities: Identities
    clock: Clock
    enforces: bool
    changing_documents: Callable[[], AbstractContextManager[None]]

    def now(self) -> datetime:
        """Return the time of the emulator."""
        return self.clock.now()

    def ecr_for(self, stack: Stack) -> EcrCalls:
        """Return ECR's API with the permissions of a stack in the current request."""
        request = REQUEST.get()
        registry = Registry(stack.account, stack.region)
        caller = self._caller(request, registry, stack.role_arn) if self.enforces else Caller.root_of(registry)
        return EcrCalls(self.ecr, ForwardedAccess(caller, SERVICE, request.environ))

    def _caller(self, request: CloudFormationRequest, registry: Registry, role_arn: str | None) -> Caller:
        if role_arn:
            return self._in_role(role_arn, registry)
        known = self.identities.find_key(request.access_key)
        account = known.account if known else request.access_key
        if not is_account_id(account):
            refused = query_error("InvalidClientTokenId", "The security token included in the request is invalid.")
            raise Forbidden(refused.get_data(as_text=True))
        if account != registry.id:
            return self._in_role(_OF_STACK_SETS.format(partition=registry.partition, account=registry.id), registry)
        if known is None:
            return Caller.root_of(registry)
        return Caller(registry, known.principal_arn, request.access_key if known.session_token else None)

    def _in_role(self, role_arn: str, registry: Registry) -> Caller:
        """Return CloudFormation in a role as the caller, in a new session."""
        if not account_of(role_arn):
            raise invalid(f"Role {role_arn} is invalid or cannot be assumed")
        session = begin_role_session(role_arn, registry.region, _SESSION, self.clock.now())
        return Caller(registry, session.arn, session.access_key)
