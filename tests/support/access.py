"""Requests and policies for tests of access."""

from __future__ import annotations

import json

from ecr_emulator.domain.access.evaluate import decide
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import AccessRequest, Principal

HERE, THERE = "111111111111", "222222222222"
ROOT = f"arn:aws:iam::{HERE}:root"
ALICE = f"arn:aws:iam::{HERE}:user/teams/alice"
ROLE = f"arn:aws:iam::{HERE}:role/ci/builder"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/builder/run-1"
REPOSITORY = f"arn:aws:ecr:eu-central-1:{HERE}:repository/team/app"
PULL = "ecr:BatchGetImage"


def statement(effect="Allow", **elements):
    """A statement that allows everything, with some elements changed; without those that are given as None."""
    elements = {"Effect": effect, "Action": "*", "Resource": "*"} | elements
    return {name: value for name, value in elements.items() if value is not None}


def policy(*statements, name="policy", **members):
    """A policy of the newer version of the language; ``Version=None`` makes one that says nothing about it."""
    document = {"Version": "2012-10-17", "Statement": list(statements)} | members
    return NamedPolicy(name, json.dumps({key: value for key, value in document.items() if value is not None}))


def allow(**elements):
    return policy(statement(**elements), name="allowing")


def deny(**elements):
    return policy(statement("Deny", **elements), name="denying")


def grant(principal, effect="Allow", **elements):
    """A resource policy for a principal."""
    elements = {"Principal": principal, "Resource": None} | elements
    return policy(statement(effect, **elements), name="of the repository")


def ask(principal=ALICE, action=PULL, resource=REPOSITORY, owner=HERE, **policies):
    """The decision about a request; ``context`` are its condition keys, the rest are policies by their source."""
    context = policies.pop("context", {})
    if "resource_policies" in policies:
        policies["resource"] = policies.pop("resource_policies")
    if isinstance(principal, str):
        principal = Principal.of_arn(principal, ROLE if principal == SESSION else None)
    return decide(AccessRequest(principal, action, resource, context), Policies(**policies), owner)
