"""Properties of the decisions about any request by any policies."""

from __future__ import annotations

import json
from collections import ChainMap
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.access.evaluate import Kind, decide
from ecr_emulator.domain.access.policies import NamedPolicy, Policies
from ecr_emulator.domain.access.request import AccessRequest, Principal
from tests.support.access import ALICE, HERE, PULL, REPOSITORY, ROLE, ROOT, SESSION, THERE, statement

ABROAD = f"arn:aws:iam::{THERE}:user/bob"
CAROL = f"arn:aws:sts::{HERE}:federated-user/carol"
ARNS = [ALICE, SESSION, CAROL, ROLE, ROOT, ROOT.replace(HERE, THERE), ABROAD]
PRINCIPALS_OF_REQUESTS = [
    *(Principal.of_arn(arn) for arn in (ALICE, ROOT, ABROAD)),
    Principal.of_arn(SESSION, ROLE),
    Principal(CAROL, HERE, user_arn=ALICE),
]
ACTIONS = ["*", PULL, "ecr:Batch*", "ecr:Put*"]
RESOURCES = ["*", REPOSITORY, REPOSITORY.replace("team", "other")]
CONDITIONS = [
    {},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
    {"Null": {"aws:PrincipalTag/team": "true"}},
]
PRINCIPALS = ["*", *({"AWS": arn} for arn in ARNS), {"AWS": [ALICE, ROOT]}, {"AWS": [SESSION, ROLE, ROOT]}]


def either(name, values):
    return [{f"{negation}{name}": value} for negation in ("", "Not") for value in values]


def universe(*elements):
    """Return all statements that consist of these elements, by effect."""
    made = [dict(ChainMap(*each)) for each in product(*elements, [{"Condition": each} for each in CONDITIONS])]
    return {effect: [{"Effect": effect} | each for each in made] for effect in ("Allow", "Deny")}


OF_IDENTITIES = universe(either("Action", ACTIONS), either("Resource", RESOURCES))
OF_RESOURCES = universe(either("Action", ACTIONS), either("Resource", RESOURCES), either("Principal", PRINCIPALS))


def statements(*effects, of_resource=False):
    made = OF_RESOURCES if of_resource else OF_IDENTITIES
    return st.one_of(st.sampled_from(made[effect]) for effect in effects)


def documents(**which):
    return st.lists(statements("Allow", "Deny", **which), min_size=1, max_size=3)


def named(document):
    return NamedPolicy("p", json.dumps({"Version": "2012-10-17", "Statement": document}))


def policies():
    """Generate policies of all sources, as lists of documents by source."""
    return st.fixed_dictionaries(
        {
            "identity": st.lists(documents(), max_size=2),
            "boundary": st.lists(documents(), max_size=1),
            "session": st.lists(documents(), max_size=1),
            "resource": st.lists(documents(of_resource=True), max_size=2),
        }
    )


def requests():
    return st.sampled_from(
        [
            AccessRequest(principal, PULL, REPOSITORY, tags | {"aws:SecureTransport": (tls,)})
            for principal in PRINCIPALS_OF_REQUESTS
            for tags in ({}, {"aws:PrincipalTag/team": ("red",)})
            for tls in ("true", "false")
        ]
    )


def decided(request, given_policies):
    by_source = {source: tuple(map(named, documents)) for source, documents in given_policies.items()}
    boundary = next(iter(by_source.pop("boundary")), None)
    return decide(request, Policies(boundary=boundary, **by_source), HERE)


def with_statement(given_policies, source, added):
    """Return the policies with one more statement. A source without a policy gets one with only this statement."""
    documents = given_policies[source]
    return given_policies | {source: [[*documents[0], added], *documents[1:]] if documents else [[added]]}


SOURCES = ["identity", "boundary", "session", "resource"]


@given(requests(), policies())
def test_every_decision_has_its_reason_and_every_refusal_its_sentence(request, given_policies):
    decision = decided(request, given_policies)
    assert decision.reason
    assert decision.is_allowed is (decision.kind is Kind.EXPLICIT_ALLOW)
    if decision.is_allowed:
        assert decision.sentence == ""
    else:
        start = f"User: {request.principal.arn} is not authorized to perform: {PULL} on resource: {REPOSITORY} "
        why = "with an explicit deny in a" if decision.kind is Kind.EXPLICIT_DENY else "because no "
        assert decision.sentence.startswith(start + why)


@given(requests(), policies(), st.sampled_from(SOURCES))
def test_a_denial_of_everything_wins(request, given_policies, source):
    never = statement("Deny", **({"Principal": "*"} if source == "resource" else {}))
    assert decided(request, with_statement(given_policies, source, never)).kind is Kind.EXPLICIT_DENY


@given(requests(), policies(), st.data())
def test_one_more_denial_never_adds_access(request, given_policies, data):
    source = data.draw(st.sampled_from(SOURCES))
    added = data.draw(statements("Deny", of_resource=source == "resource"))
    after = decided(request, with_statement(given_policies, source, added))
    # The first policy of a session or boundary is also a limit, so it can only remove access.
    assert decided(request, given_policies).is_allowed or not after.is_allowed


@given(requests(), policies(), st.data())
def test_one_more_allow_never_takes_access_away(request, given_policies, data):
    source = data.draw(
        st.sampled_from([each for each in SOURCES if each in ("identity", "resource") or given_policies[each]])
    )
    added = data.draw(statements("Allow", of_resource=source == "resource"))
    before = decided(request, given_policies)
    after = decided(request, with_statement(given_policies, source, added))
    assert after.is_allowed or not before.is_allowed
    assert (after.kind is Kind.EXPLICIT_DENY) is (before.kind is Kind.EXPLICIT_DENY)


@given(requests(), policies(), st.randoms(use_true_random=False))
def test_the_order_of_policies_and_statements_does_not_matter(request, given_policies, random):
    def shuffled(items):
        return random.sample(items, len(items))

    turned = {source: shuffled([shuffled(each) for each in documents]) for source, documents in given_policies.items()}
    before, after = decided(request, given_policies), decided(request, turned)
    assert (before.kind, before.sentence) == (after.kind, after.sentence)


@given(requests(), st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=3))
def test_not_action_is_the_complement_of_action(request, actions):
    request = AccessRequest(Principal.of_arn(ALICE), PULL, REPOSITORY, request.context)

    def allows(**elements):
        return decided(request, {"identity": [[statement(**elements)]], "boundary": [], "session": [], "resource": []})

    assert allows(Action=actions).is_allowed is not allows(Action=None, NotAction=actions).is_allowed


@given(requests(), policies())
def test_a_limit_never_adds_access(request, given_policies):
    without = given_policies | {"boundary": [], "session": []}
    assert decided(request, without).is_allowed or not decided(request, given_policies).is_allowed


@given(requests(), policies())
def test_across_accounts_both_sides_must_allow(request, given_policies):
    abroad = AccessRequest(Principal.of_arn(ABROAD), PULL, REPOSITORY, request.context)
    if decided(abroad, given_policies).is_allowed:
        assert not decided(abroad, given_policies | {"identity": []}).is_allowed
        assert not decided(abroad, given_policies | {"resource": []}).is_allowed


@given(policies())
def test_a_federated_user_never_may_more_than_its_issuer_unless_it_is_named_itself(given_policies):
    """Its policies only limit; a grant to it by name, or to everybody, is its own."""
    documents = json.dumps(given_policies["resource"])
    if CAROL in documents or '"*"' in documents or "NotPrincipal" in documents:
        return
    carol = AccessRequest(Principal(CAROL, HERE, user_arn=ALICE), PULL, REPOSITORY, {})
    alice = AccessRequest(Principal.of_arn(ALICE), PULL, REPOSITORY, {})
    if decided(carol, given_policies).is_allowed:
        assert decided(alice, given_policies).is_allowed
