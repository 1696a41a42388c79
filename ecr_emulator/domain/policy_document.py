"""Policies of repositories and registries, read and printed as ECR does it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.policy_grammar import is_policy, many, parse_policy
from ecr_emulator.domain.principals import account_of, is_session_of
from ecr_emulator.errors import InvalidParameterException

_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_SET_REPOSITORY_POLICY = "ecr:setrepositorypolicy"


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy that ECR accepts. ``text`` is how ECR prints it, ``statements`` what it says."""

    text: str
    statements: list[dict[str, Any]]


def read_repository_policy(text: str, registry: Registry) -> PolicyDocument:
    """A policy for a repository of this registry. Raises ``InvalidParameterException``."""
    return _read(text, registry, "repository")


def read_registry_policy(text: str, registry: Registry) -> PolicyDocument:
    """A policy for this registry; its statements name resources. Raises ``InvalidParameterException``."""
    return _read(text, registry, "registry")


def locks_out(policy: PolicyDocument, principal_arn: str) -> bool:
    """Whether a principal that sets this policy on a repository could not set another one later.

    A denial under conditions does not count: whether it applies is up to the later request.
    """
    return any(
        statement["Effect"] == "Deny"
        and not statement.get("Condition")
        and _concerns_setting(statement)
        and _concerns(statement, principal_arn)
        for statement in policy.statements
    )


# --- Reading ---------------------------------------------------------------------------------------------


def _read(text: str, registry: Registry, kind: str) -> PolicyDocument:
    try:
        document = parse_policy(text)
        if not is_policy(document, resource_required=kind == "registry"):
            raise ValueError("no policy")
        statements = [_with_arns(statement, registry) for statement in many(document["Statement"])]
        is_list = isinstance(document["Statement"], list)
        printed = _printed(document | {"Statement": statements if is_list else statements[0]})
        printed.encode()
    except (ValueError, RecursionError) as wrong:
        raise InvalidParameterException.at("PolicyText", f"Invalid {kind} policy provided") from wrong
    return PolicyDocument(printed, statements)


def _with_arns(statement: dict[str, Any], registry: Registry) -> dict[str, Any]:
    """The statement with ARNs where principals are given as account ids."""
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
    return f"arn:{registry.partition}:iam::{name}:root" if _ACCOUNT.fullmatch(name) else name


def _printed(value: Any, indent: str = "") -> str:
    """JSON in the layout of Jackson's default pretty printer. Raises ``ValueError`` for a number that is none."""
    inner = f"{indent}  "
    if isinstance(value, dict):
        members = ",\n".join(f"{inner}{_printed(key)} : {_printed(each, inner)}" for key, each in value.items())
        return f"{{\n{members}\n{indent}}}" if members else "{ }"
    if isinstance(value, list):
        values = ", ".join(_printed(each, indent) for each in value)
        return f"[ {values} ]" if values else "[ ]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


# --- Lock-outs -------------------------------------------------------------------------------------------


def _concerns_setting(statement: dict[str, Any]) -> bool:
    if "NotAction" in statement:
        return not _name_setting(statement["NotAction"])
    return _name_setting(statement["Action"])


def _name_setting(actions: Any) -> bool:
    return any(fnmatchcase(_SET_REPOSITORY_POLICY, action.lower()) for action in many(actions))


def _concerns(statement: dict[str, Any], principal_arn: str) -> bool:
    if "NotPrincipal" in statement:
        return not _names(statement["NotPrincipal"], principal_arn)
    return _names(statement["Principal"], principal_arn)


def _names(principal: Any, principal_arn: str) -> bool:
    if principal == "*":
        return True
    names = many(principal.get("AWS", []))
    return any(name in ("*", principal_arn) or _embraces(name, principal_arn) for name in names)


def _embraces(name: str, principal_arn: str) -> bool:
    """Whether a name means the account of a principal, or the role in whose session it acts."""
    if name.endswith(":root"):
        return account_of(name) == account_of(principal_arn)
    return is_session_of(principal_arn, name)
