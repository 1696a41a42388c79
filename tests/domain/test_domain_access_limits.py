"""Boundaries and session policies in each combination that the IAM User Guide describes, as a table."""

from __future__ import annotations

import pytest

from ecr_emulator.domain.access.request import Principal
from tests.support.access import ALICE, HERE, ROLE, ROOT, SESSION, THERE, allow, ask, deny, grant

CAROL = f"arn:aws:sts::{HERE}:federated-user/carol"
FEDERATED = Principal(CAROL, HERE, user_arn=ALICE)
FEDERATED_BY_ROOT = Principal(CAROL, HERE)
OTHER = allow(Action="s3:*")
"""A policy that says nothing about the request."""
OWN, LIMIT = allow(), allow()
PERMITTED = {"identity": (OWN,), "session": (LIMIT,)}

# Each row: the principal, its policies by source, and whether the request is allowed.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-eval-logic
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
IDENTITY_AND_BOUNDARY = [
    (ALICE, {"identity": (OWN,), "boundary": LIMIT}, True),
    (ALICE, {"identity": (OWN,), "boundary": OTHER}, False),
    (ALICE, {"identity": (OTHER,), "boundary": LIMIT}, False),
    (ALICE, {"identity": (OWN, deny()), "boundary": LIMIT}, False),
    (ALICE, {"identity": (OWN,), "boundary": deny()}, False),
    (ALICE, {"boundary": LIMIT}, False),
]
RESOURCE_AND_BOUNDARY = [
    (ALICE, {"boundary": OTHER, "resource_policies": (grant({"AWS": ALICE}),)}, True),
    (ALICE, {"boundary": deny(), "resource_policies": (grant({"AWS": ALICE}),)}, False),
    (ALICE, {"boundary": OTHER, "identity": (OWN,), "resource_policies": (grant({"AWS": ROOT}),)}, False),
    (SESSION, {"boundary": OTHER, "resource_policies": (grant({"AWS": ROLE}),)}, False),
    (SESSION, {"boundary": LIMIT, "resource_policies": (grant({"AWS": ROLE}),)}, True),
    (SESSION, {"boundary": OTHER, "resource_policies": (grant({"AWS": SESSION}),)}, True),
    (FEDERATED, {"boundary": OTHER, "session": (LIMIT,), "resource_policies": (grant({"AWS": ALICE}),)}, False),
    (FEDERATED, {"boundary": OTHER, "session": (LIMIT,), "resource_policies": (grant({"AWS": CAROL}),)}, True),
]
SESSION_POLICIES = [
    (SESSION, PERMITTED, True),
    (SESSION, {"identity": (OWN,), "session": (OTHER,)}, False),
    (SESSION, {"identity": (OWN,), "session": (OTHER, LIMIT)}, True),
    (SESSION, {"identity": (OWN,), "session": (LIMIT, deny())}, False),
    (SESSION, {"identity": (OTHER,), "session": (LIMIT,)}, False),
    (SESSION, {"identity": (OWN,), "boundary": OTHER, "session": (LIMIT,)}, False),
    (SESSION, {"identity": (OWN,), "boundary": LIMIT, "session": (LIMIT,)}, True),
    (SESSION, {"session": (OTHER,), "resource_policies": (grant({"AWS": ROLE}),)}, False),
    (SESSION, {"session": (LIMIT,), "resource_policies": (grant({"AWS": ROLE}),)}, True),
    (SESSION, {"session": (OTHER,), "resource_policies": (grant({"AWS": SESSION}),)}, True),
    (SESSION, {"session": (deny(),), "resource_policies": (grant({"AWS": SESSION}),)}, False),
    (SESSION, {"session": (OTHER,), "identity": (OWN,), "resource_policies": (grant({"AWS": ROOT}),)}, False),
]
FEDERATED_USERS = [
    (FEDERATED, PERMITTED, True),
    (FEDERATED, {"identity": (OTHER,), "session": (LIMIT,)}, False),
    (FEDERATED, {"identity": (OWN,), "session": (OTHER,)}, False),
    (FEDERATED, {"session": (LIMIT,), "resource_policies": (grant({"AWS": ALICE}),)}, True),
    (FEDERATED, {"session": (OTHER,), "resource_policies": (grant({"AWS": ALICE}),)}, False),
    (FEDERATED, {"session": (OTHER,), "resource_policies": (grant({"AWS": CAROL}),)}, True),
    (FEDERATED, {"session": (deny(),), "resource_policies": (grant({"AWS": CAROL}),)}, False),
    (FEDERATED, {"session": (LIMIT,), "resource_policies": (grant({"AWS": ROLE}),)}, False),
    (
        FEDERATED,
        {"identity": (OWN,), "session": (LIMIT,), "resource_policies": (grant({"AWS": ALICE}, "Deny"),)},
        False,
    ),
    (
        FEDERATED,
        {"identity": (OWN,), "session": (LIMIT,), "resource_policies": (grant({"AWS": CAROL}, "Deny"),)},
        False,
    ),
    (FEDERATED_BY_ROOT, PERMITTED, True),
    (FEDERATED_BY_ROOT, {"session": (LIMIT,), "resource_policies": (grant({"AWS": ALICE}),)}, False),
]
ROWS = IDENTITY_AND_BOUNDARY + RESOURCE_AND_BOUNDARY + SESSION_POLICIES + FEDERATED_USERS


@pytest.mark.parametrize(("principal", "policies", "is_allowed"), ROWS)
def test_limits_decide_as_the_guide_says(principal, policies, is_allowed):
    assert ask(principal, **policies).is_allowed is is_allowed


@pytest.mark.parametrize(("principal", "policies"), [row[:2] for row in ROWS])
def test_no_limit_helps_across_accounts(principal, policies):
    policies = {name: given for name, given in policies.items() if name != "resource_policies"}
    assert not ask(principal, owner=THERE, **policies).is_allowed


@pytest.mark.parametrize("spared", [[CAROL, ALICE, ROOT], [CAROL, ALICE], [CAROL, ROOT], [ALICE, ROOT]])
def test_a_denial_to_all_others_must_spare_the_federated_user_its_issuer_and_its_account(spared):
    denying = grant(None, "Deny", Principal=None, NotPrincipal={"AWS": spared})
    decision = ask(FEDERATED, resource_policies=(denying,), **PERMITTED)
    assert decision.is_allowed is (len(spared) == 3)
