"""Requests and policies for tests of access."""

from __future__ import annotations

import json
from typing import Any

from ecr_emulator.domain.access.evaluate import Decision, decide
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import AccessRequest, Principal

HERE, THERE = "111111111111", "222222222222"
ROOT = f"arn:aws:iam::{HERE}:root"
ALICE = f"arn:aws:iam::{HERE}:user/teams/alice"
ROLE = f"arn:aws:iam::{HERE}:role/ci/builder"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/builder/run-1"
REPOSITORY = f"arn:aws:ecr:eu-central-1:{HERE}:repository/team/app"
PULL = "ecr:BatchGetImage"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """Return a statement that allows everything, with some elements changed, and without those that are None."""
    elements = {"Effect": effect, "Action": "*", "Resource": "*"} | elements
    return {name: value for name, value in elements.items() if value is not None}


def policy(*statements: Any, name: str = "policy", **members: Any) -> NamedPolicy:
    """Return a policy of version 2012-10-17, or without a version for ``Version=None``."""
    document = {"Version": "2012-10-17", "Statement": list(statements)} | members
    return NamedPolicy(name, json.dumps({key: value for key, value in document.items() if value is not None}))


def allow(**elements: Any) -> NamedPolicy:
    """Return a policy of one statement that allows."""
    return policy(statement(**elements), name="allowing")


def deny(**elements: Any) -> NamedPolicy:
    """Return a policy of one statement that denies."""
    return policy(statement("Deny", **elements), name="denying")


def grant(principal: Any, effect: str = "Allow", **elements: Any) -> NamedPolicy:
    """Return a resource policy for a principal."""
    elements = {"Principal": principal, "Resource": None} | elements
    return policy(statement(effect, **elements), name="of the repository")


def ask(
    principal: Principal | str = ALICE,
    action: str = PULL,
    resource: str = REPOSITORY,
    owner: str = HERE,
    **policies: Any,
) -> Decision:
    """Decide about a request. ``context`` holds its condition keys, the other arguments are policies by source."""
    context = policies.pop("context", {})
    if "resource_policies" in policies:
        policies["resource"] = policies.pop("resource_policies")
    if isinstance(principal, str):
        principal = Principal.of_arn(principal, ROLE if principal == SESSION else None)
    return decide(AccessRequest(principal, action, resource, context), Policies(**policies), owner)
