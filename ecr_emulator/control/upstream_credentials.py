"""Check the credential of a pull through cache rule. The sentences are ECR's.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-rule.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.custom_roles import read_custom_role
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.upstreams import UpstreamKind
from ecr_emulator.errors import InvalidParameterException, SecretNotFoundException, UnsupportedUpstreamRegistryException
from ecr_emulator.ports.secrets import ABSENT, MALFORMED
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamFailure
from ecr_emulator.quick_dataclasses import dataclass

_NEEDS_SIGN_IN = (
    "The specified upstream registry requires authentication. Specify a valid Secrets Manager ARN "
    "containing the upstream registry credentials and try again."
)
_NEEDS_ROLE = "A role is required if the upstream registry belongs to another account"
_NEEDS_NO_SIGN_IN = "Invalid input: The specified upstream registry doesn't require authentication."
_WRONG_KIND = (
    "Invalid input: Upstream registry URL and provided credential type do not match. Please verify input and try again."
)
_FOREIGN_SECRET = (
    f"{SecretNotFoundException.sentence} Please verify the secret exists in the same region and account "
    "that the pullthrough cache rule will be created in."
)
_UNREACHABLE = "The upstream registry could not be reached."


@dataclass(frozen=True, slots=True)
class UpstreamCredential:
    """The credential of a rule for its upstream: a secret, a role, or none."""

    secret_arn: str | None
    role_arn: str | None

    @classmethod
    def read(cls, members: dict[str, Any], registry: Registry) -> UpstreamCredential:
        """Return the credential in a request."""
        return cls(members.get("credentialArn"), read_custom_role(members, registry))

    def check_given(self, kind: UpstreamKind, url: str, registry: Registry) -> None:
        """Raise an error if the upstream needs a credential and there is none.

        A private registry of another account needs a role of this account. Raises
        ``UnsupportedUpstreamRegistryException`` or ``InvalidParameterException``.
        """
        if kind.needs_secret and self.secret_arn is None:
            raise UnsupportedUpstreamRegistryException(_NEEDS_SIGN_IN)
        upstream = registry_of_host(url) if kind.is_ecr else None
        if upstream and upstream.id != registry.id and self == UpstreamCredential(None, None):
            raise InvalidParameterException.at("customRoleArn", _NEEDS_ROLE)

    def check(self, request: EcrRequest, kind: UpstreamKind) -> None:
        """Check that the upstream accepts this kind of credential, and that the registry can read its secret.

        Raises ``InvalidParameterException`` or the errors of ``check_exists``.
        """
        if self.secret_arn and not kind.takes_secret:
            raise InvalidParameterException(_WRONG_KIND if kind.is_ecr else _NEEDS_NO_SIGN_IN)
        if self.role_arn and not kind.is_ecr:
            raise InvalidParameterException(_WRONG_KIND)
        if self.secret_arn:
            _check_secret(request, self.secret_arn)


def failure_of(request: EcrRequest, rule: PullThroughRule) -> str | None:
    """Return the reason why a rule cannot pull from its upstream now; None if it can."""
    try:
        if rule.credential_arn:
            request.services.secrets.check_exists(rule.credential_arn, rule.registry)
    except SecretNotFoundException:
        return ABSENT
    try:
        if rule.credential_arn:
            request.services.secrets.credential(rule.credential_arn, rule.registry)
    except UpstreamFailure:
        return MALFORMED
    try:
        request.services.upstreams.ask_anew(rule)  # the caller asks for the state of the upstream now
        request.services.upstreams.at(rule).ping()
    except UpstreamAccessDenied:
        return UpstreamAccessDenied.sentence
    except UpstreamFailure as failure:
        return f"{_UNREACHABLE} {failure.reason}"
    return None


def _check_secret(request: EcrRequest, arn: str) -> None:
    _, partition, _, region, account, *_ = arn.split(":")
    if (partition, region, account) != (request.registry.partition, request.registry.region, request.registry.id):
        raise SecretNotFoundException(_FOREIGN_SECRET)
    request.services.secrets.check_exists(arn, request.registry)
