"""Decisions about requests: the order of policies, other accounts, and the reasons that users read."""

from __future__ import annotations

import pytest

from ecr_emulator.domain.access.evaluate import Kind
from ecr_emulator.domain.access.policies import NamedPolicy
from ecr_emulator.domain.access.request import Principal
from tests.support.access import (
    ALICE,
    HERE,
    PULL,
    REPOSITORY,
    ROLE,
    ROOT,
    SESSION,
    THERE,
    allow,
    ask,
    deny,
    grant,
    policy,
    statement,
)

NOT_AUTHORIZED = f"User: {ALICE} is not authorized to perform: {PULL} on resource: {REPOSITORY}"
ELSEWHERE = allow(Action="s3:*")
ABROAD_ROOT = f"arn:aws:iam::{THERE}:root"
BOB = f"arn:aws:iam::{THERE}:user/bob"
ABROAD_SESSION = SESSION.replace(HERE, THERE)


# --- In one account ----------------------------------------------------------------------------------------


def test_nothing_is_allowed_unless_something_allows_it():
    decision = ask()
    assert decision.kind is Kind.IMPLICIT_DENY
    assert decision.sentence == f"{NOT_AUTHORIZED} because no identity-based policy allows the {PULL} action"
    assert "there is none" in decision.reason


def test_a_policy_of_the_user_is_enough():
    decision = ask(identity=(ELSEWHERE, allow(Sid="Pull")))
    assert decision.is_allowed
    assert decision.kind is Kind.EXPLICIT_ALLOW
    assert decision.sentence == ""
    assert decision.reason == "the identity-based policy 'allowing' allows it in statement 'Pull'"


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ALICE}, {"AWS": [BOB, ALICE]}])
def test_a_repository_policy_that_names_the_user_is_enough(principal):
    assert ask(resource_policies=(grant(principal),)).is_allowed


@pytest.mark.parametrize("principal", [{"AWS": ROOT}, {"AWS": HERE}])
def test_a_repository_policy_that_names_the_account_is_not_enough(principal):
    decision = ask(resource_policies=(grant(principal),))
    assert decision.sentence == f"{NOT_AUTHORIZED} because no identity-based policy allows the {PULL} action"
    assert "the account as a whole" in decision.reason
    assert ask(resource_policies=(grant(principal),), identity=(allow(),)).is_allowed


def test_the_root_may_do_everything_unless_a_policy_of_the_repository_denies_it():
    assert ask(ROOT).is_allowed
    assert not ask(ROOT, resource_policies=(grant("*", "Deny"),)).is_allowed
    assert not ask(ROOT, owner=THERE).is_allowed


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("identity", "an identity-based policy"),
        ("boundary", "a permissions boundary"),
        ("session", "a session policy"),
        ("resource_policies", "a resource-based policy"),
    ],
)
def test_a_denial_anywhere_outweighs_everything(source, told):
    denying = grant("*", "Deny", Sid="Never") if source == "resource_policies" else deny(Sid="Never")
    everything = {"identity": (allow(),), "resource_policies": (grant("*"),)}
    decision = ask(**everything | {source: denying if source == "boundary" else (denying,)})
    assert decision.kind is Kind.EXPLICIT_DENY
    assert decision.sentence == f"{NOT_AUTHORIZED} with an explicit deny in {told}"
    assert decision.reason.endswith(f"{denying.name!r} denies it in statement 'Never'")


@pytest.mark.parametrize(("source", "missing"), [("boundary", "permissions boundary"), ("session", "session policy")])
def test_boundaries_and_session_policies_must_allow_too(source, missing):
    limits = {"boundary": ELSEWHERE, "session": (ELSEWHERE,)}[source]
    decision = ask(identity=(allow(),), **{source: limits})
    assert decision.sentence == f"{NOT_AUTHORIZED} because no {missing} allows the {PULL} action"
    limits = {"boundary": allow(), "session": (ELSEWHERE, allow())}[source]
    assert ask(identity=(allow(),), **{source: limits}).is_allowed
    assert not ask(**{source: limits}).is_allowed


@pytest.mark.parametrize(
    ("asking", "named", "limited"),
    [
        (ALICE, {"AWS": ALICE}, False),
        (SESSION, {"AWS": SESSION}, False),
        (SESSION, {"AWS": ROLE}, True),
        (SESSION, "*", False),
        (f"arn:aws:sts::{HERE}:federated-user/carol", {"AWS": f"arn:aws:sts::{HERE}:federated-user/carol"}, False),
    ],
)
@pytest.mark.parametrize("limits", [{"boundary": ELSEWHERE}, {"session": (ELSEWHERE,)}])
def test_limits_do_not_apply_to_a_principal_that_the_repository_names_directly(asking, named, limited, limits):
    assert ask(asking, resource_policies=(grant(named),)).is_allowed
    assert ask(asking, resource_policies=(grant(named),), **limits).is_allowed is not limited


def test_the_most_direct_of_many_grants_counts():
    grants = (grant({"AWS": HERE}), grant({"AWS": ROLE}), grant({"AWS": SESSION}))
    assert ask(SESSION, resource_policies=grants, session=(ELSEWHERE,)).is_allowed
    assert not ask(SESSION, resource_policies=grants[:2], session=(ELSEWHERE,)).is_allowed


def test_the_arn_of_a_managed_policy_that_denies_is_told_in_its_own_account():
    arn = f"arn:aws:iam::{HERE}:policy/no-pulls"
    denying = policy(statement("Deny"), name=arn)
    assert ask(identity=(denying,)).sentence.endswith(f"with an explicit deny in an identity-based policy: {arn}")
    assert ask(identity=(denying,), owner=THERE).sentence.endswith("in an identity-based policy")
    of_resource = NamedPolicy(arn, grant("*", "Deny").document)
    assert ask(resource_policies=(of_resource,)).sentence.endswith("in a resource-based policy")


# --- Across accounts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "named"),
    [
        *((BOB, named) for named in ({"AWS": THERE}, {"AWS": ABROAD_ROOT}, {"AWS": BOB}, "*")),
        *((ABROAD_SESSION, {"AWS": named}) for named in (THERE, ABROAD_SESSION, ROLE.replace(HERE, THERE))),
    ],
)
def test_another_account_needs_both_sides(asking, named):
    granting, own = (grant(named),), (allow(),)
    assert ask(asking, identity=own, resource_policies=granting).is_allowed
    refused = ask(asking, identity=own)
    assert refused.sentence.endswith(f"because no resource-based policy allows the {PULL} action")
    refused = ask(asking, resource_policies=granting)
    assert refused.sentence.endswith(f"because no identity-based policy allows the {PULL} action")


def test_the_root_of_another_account_needs_only_the_other_side():
    assert ask(ABROAD_ROOT, resource_policies=(grant({"AWS": THERE}),)).is_allowed
    assert not ask(ABROAD_ROOT).is_allowed
    assert not ask(ABROAD_ROOT, resource_policies=(grant({"AWS": BOB}),)).is_allowed


def test_limits_apply_across_accounts_even_to_a_named_principal():
    policies = {"identity": (allow(),), "resource_policies": (grant({"AWS": BOB}),)}
    refused = ask(BOB, **policies, boundary=ELSEWHERE)
    assert refused.sentence.endswith(f"because no permissions boundary allows the {PULL} action")


def test_a_service_needs_the_policy_of_the_resource():
    lambda_service = Principal.of_service("lambda.amazonaws.com")
    named = {"Service": "lambda.amazonaws.com"}
    assert ask(lambda_service, resource_policies=(grant(named),)).is_allowed
    refused = ask(lambda_service, resource_policies=(grant({"AWS": HERE}),))
    assert refused.sentence.startswith("User: lambda.amazonaws.com is not authorized")
    assert refused.sentence.endswith(f"because no resource-based policy allows the {PULL} action")
    assert not ask(ALICE, resource_policies=(grant(named),)).is_allowed


def test_a_registry_policy_stands_beside_that_of_the_repository():
    registry = policy(statement(Principal={"AWS": ALICE}, Resource=f"{REPOSITORY[:-3]}*"), name="of the registry")
    assert ask(resource_policies=(grant({"AWS": BOB}), registry)).is_allowed
    assert not ask(resource=REPOSITORY.replace("team", "other"), resource_policies=(registry,)).is_allowed


# --- Policies that cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["identity", "boundary", "session", "resource_policies"])
def test_nothing_is_allowed_while_a_policy_cannot_be_read(source):
    broken = NamedPolicy("broken", '{"Statement": [{"Effect": "Perhaps"}]}')
    policies = {"identity": (allow(),), "resource_policies": (grant("*"),)}
    policies[source] = broken if source == "boundary" else (*policies.get(source, ()), broken)
    decision = ask(**policies)
    assert decision.kind is Kind.IMPLICIT_DENY
    assert "'broken' cannot be read" in decision.reason
    assert decision.reason.endswith("statement 1: its Effect is neither Allow nor Deny")


def test_a_denial_is_reported_before_an_unreadable_policy():
    assert ask(identity=(NamedPolicy("broken", "{"), deny())).kind is Kind.EXPLICIT_DENY
