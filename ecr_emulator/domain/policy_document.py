"""Policies of repositories and registries, parsed and printed as ECR does it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.access.document import read_document
from ecr_emulator.domain.access.prepared_request import PreparedRequest
from ecr_emulator.domain.access.request import AccessRequest, Principal
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.domain.policy_grammar import is_policy, many, parse_policy
from ecr_emulator.domain.policy_text import in_order, printed
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.quick_dataclasses import dataclass

REGISTRY_POLICY = "policy"
"""The name of the registry document that holds the text of a registry's policy."""


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy that ECR accepts. ``text`` is the text that ECR returns, ``statements`` its parsed statements."""

    text: str
    statements: list[dict[str, Any]]


def read_repository_policy(text: str, registry: Registry) -> PolicyDocument:
    """Parse the policy of a repository. Its statements name no resources. Raises ``InvalidParameterException``."""
    return _read(text, registry, "repository")


def read_registry_policy(text: str, registry: Registry) -> PolicyDocument:
    """Parse the policy of a registry. Its statements name resources. Raises ``InvalidParameterException``."""
    return _read(text, registry, "registry")


def locks_out(policy: PolicyDocument, principal_arn: str) -> bool:
    """Whether a policy denies a principal, without conditions, to replace it by another policy later.

    A denial with conditions does not count, because it depends on the later request.
    """
    principal = Principal.of_arn(principal_arn)
    later = PreparedRequest(
        AccessRequest(principal, "ecr:SetRepositoryPolicy", "*"), principal.account or "", is_bounded=False
    )
    return any(
        not denial.conditions and denial.actions.cover(later) and denial.means(later)
        for denial in read_document(policy.text, names_principals=True).denies
    )


# --- Reading ---------------------------------------------------------------------------------------------


def _read(text: str, registry: Registry, kind: str) -> PolicyDocument:
    try:
        document = parse_policy(text)
        if not is_policy(document, names_resources=kind == "registry"):
            raise ValueError("no policy")
        statements = [_with_arns(statement, registry) for statement in many(document["Statement"])]
        policy = in_order(document | {"Statement": statements})
        shown = printed(policy)
        shown.encode()
    except (ValueError, RecursionError) as wrong:
        raise InvalidParameterException.at("PolicyText", f"Invalid {kind} policy provided") from wrong
    return PolicyDocument(shown, policy["Statement"])


def _with_arns(statement: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """Return a statement with account ids of principals replaced by ARNs."""
    named = {
        name: _principal_with_arns(statement[name], registry)
        for name in ("Principal", "NotPrincipal")
        if name in statement
    }
    return statement | named


def _principal_with_arns(principal: Any, registry: Registry) -> Any:
    if principal == "*" or "AWS" not in principal:
        return principal
    names = principal["AWS"]
    arns = [_arn(name, registry) for name in many(names)]
    return principal | {"AWS": arns if isinstance(names, list) else arns[0]}


def _arn(name: str, registry: Registry) -> str:
    """Return the ARN for an account id, and other names unchanged. Raises ``ValueError`` for another partition."""
    if is_account_id(name):
        return f"arn:{registry.partition}:iam::{name}:root"
    if name.startswith("arn:") and not name.startswith(f"arn:{registry.partition}:"):
        raise ValueError("a principal of another partition")
    return name
