"""Pull through cache rules, creation templates, events and roles, as the ports define them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.domain.events import Event
from ecr_emulator.domain.image import ImageId
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.pull_time_exclusions import DOCUMENT
from ecr_emulator.domain.repository import Encryption, TagMutability
from ecr_emulator.domain.template import CreationTemplate
from ecr_emulator.errors import PullThroughCacheRuleAlreadyExistsException, TemplateAlreadyExistsException
from tests.support.storage import HOME, NOW, a_repository

OTHER = Registry("210987654321", "eu-west-1")
RULE = PullThroughRule(HOME, "hub", "registry-1.docker.io", "docker-hub", NOW, NOW, "arn:secret", "arn:role", "library")
TEMPLATE = CreationTemplate(
    HOME,
    "team",
    ("PULL_THROUGH_CACHE", "REPLICATION"),
    NOW,
    NOW,
    description="ours",
    encryption=Encryption("KMS", "arn:key"),
    mutability=TagMutability("IMMUTABLE_WITH_EXCLUSION", ("dev-*",)),
    repository_policy="{}",
    lifecycle_policy="{}",
    resource_tags={"team": "red"},
    custom_role_arn="arn:role",
)


def rules(work):
    return work.rules


def templates(work):
    return work.templates


KINDS = pytest.mark.parametrize(
    ("collection", "value", "refusal"),
    [
        (rules, RULE, PullThroughCacheRuleAlreadyExistsException),
        (templates, TEMPLATE, TemplateAlreadyExistsException),
    ],
    ids=["rules", "templates"],
)


@KINDS
def test_a_rule_or_template_is_found_as_it_was_stored(store, collection, value, refusal):
    with store.writing() as work:
        collection(work).add(value)
    with store.reading() as work:
        assert collection(work).find(HOME, value.prefix) == value
        assert collection(work).find(OTHER, value.prefix) is None
        assert collection(work).find(HOME, "other") is None


@KINDS
def test_a_prefix_is_taken_once_in_a_registry(store, collection, value, refusal):
    with store.writing() as work:
        collection(work).add(value)
        collection(work).add(replace(value, registry=OTHER))
    with pytest.raises(refusal, match=f"'{value.prefix}' already exists"), store.writing() as work:
        collection(work).add(value)


@KINDS
def test_the_rules_or_templates_of_a_registry_are_listed_by_prefix(store, collection, value, refusal):
    with store.writing() as work:
        for prefix in ("z", "ROOT", "a/b", "a"):
            collection(work).add(replace(value, prefix=prefix))
        collection(work).add(replace(value, registry=OTHER))
        assert [each.prefix for each in collection(work).all(HOME)] == ["ROOT", "a", "a/b", "z"]


@pytest.mark.parametrize("name", ["team/app", "none"])
def test_a_pull_reads_the_rules_and_exclusions_of_its_registry(store, name):
    given = [RULE, replace(RULE, prefix="plain", credential_arn=None, custom_role_arn=None, upstream_prefix=None)]
    with store.writing() as work:
        work.repositories.add(a_repository("team/app"))
        work.registry_documents.put(HOME, DOCUMENT, ["arn:role"])
        for rule in (*given, replace(RULE, registry=OTHER)):
            work.rules.add(rule)
    with store.reading() as work:
        of_image, _ = work.pulls.image(HOME, name, ImageId(tag="v1"))
        of_layer, _ = work.pulls.layer(HOME, name, f"sha256:{'0' * 64}")
    assert list(of_image.rules) == list(of_layer.rules) == given
    assert list(of_image.exclusions) == ["arn:role"]


@KINDS
def test_a_rule_or_template_is_changed_and_removed(store, collection, value, refusal):
    changed = replace(value, custom_role_arn=None, updated_at=NOW + timedelta(days=1))
    with store.writing() as work:
        collection(work).add(value)
        collection(work).add(replace(value, prefix="other"))
        collection(work).save(changed)
        assert collection(work).find(HOME, value.prefix) == changed
        collection(work).remove(changed)
        assert [each.prefix for each in collection(work).all(HOME)] == ["other"]


def test_events_are_listed_in_the_order_of_their_addition(store):
    with store.writing() as work:
        for number in range(5):
            work.events.add(Event(HOME, NOW, "ECR Image Action", {"n": number}, ("arn:a", "arn:b")))
    with store.reading() as work:
        first = work.events.after(0, 2)
        rest = work.events.after(first[-1].key, 10)
    assert [event.detail["n"] for event in first + rest] == [0, 1, 2, 3, 4]
    assert replace(rest[0], key=0) == Event(HOME, NOW, "ECR Image Action", {"n": 2}, ("arn:a", "arn:b"))


def test_a_service_linked_role_is_stored_once(store):
    with store.writing() as work:
        for account in (OTHER.id, HOME.id, HOME.id):
            work.service_linked_roles.add(account, "pullthroughcache.ecr.amazonaws.com")
        assert work.service_linked_roles.all() == [
            (HOME.id, "pullthroughcache.ecr.amazonaws.com"),
            (OTHER.id, "pullthroughcache.ecr.amazonaws.com"),
        ]
