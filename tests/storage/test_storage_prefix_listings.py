"""The repositories to which a rule or a template applies: the longest prefix wins, and pages skip what it wins."""

from dataclasses import replace

import pytest

from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.template import CREATE_ON_PUSH, PULL_THROUGH_CACHE, REPLICATION, CreationTemplate
from ecr_emulator.services.prefix_listings import repositories_of_rule, repositories_of_template
from tests.support.storage import HOME, NOW, a_repository

NAMES = ["a", "hub", "hub-2/x", "hub/a", "hub/b", "hub/lib/a", "hub/lib/b", "hub/lib0", "hub/z", "hub0", "z/z"]
OF_RULES = {
    "hub": ["hub/a", "hub/b", "hub/lib0", "hub/z"],
    "hub/lib": ["hub/lib/a", "hub/lib/b"],
    "ROOT": ["a", "hub", "hub-2/x", "hub0", "z/z"],
    "none": [],
}
OF_TEMPLATES = {
    "hub": ["hub/a", "hub/b", "hub/lib/a", "hub/lib/b", "hub/lib0", "hub/z"],
    "hub/lib": ["hub/lib/a", "hub/lib/b"],
    "ROOT": NAMES,
}


@pytest.fixture
def stored(store):
    rule = PullThroughRule(HOME, "", "quay.io", "quay", NOW, NOW)
    template = CreationTemplate(HOME, "", (), NOW, NOW)
    reasons = {
        "hub": (PULL_THROUGH_CACHE, REPLICATION),
        "hub/lib": (PULL_THROUGH_CACHE,),
        "ROOT": (PULL_THROUGH_CACHE, CREATE_ON_PUSH),
    }
    with store.writing() as work:
        for name in NAMES:
            work.repositories.add(a_repository(name))
        for prefix in OF_RULES:
            work.rules.add(replace(rule, prefix=prefix))
        for prefix, applied_for in reasons.items():
            work.templates.add(replace(template, prefix=prefix, applied_for=applied_for))
    return store


def pages(page, limit):
    """Return the names on all pages; a page has no more than ``limit``."""
    names, after = [], ""
    while after is not None:
        repositories, after = page(after)
        assert len(repositories) <= limit
        names += [each.name for each in repositories]
    return names


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("prefix", OF_RULES)
def test_a_rule_has_the_repositories_of_no_longer_prefix(stored, prefix, limit):
    with stored.reading() as work:
        rule = work.rules.find(HOME, prefix)
        assert pages(lambda after: repositories_of_rule(work, rule, after, limit), limit) == OF_RULES[prefix]


@pytest.mark.parametrize("limit", [1, 50])
@pytest.mark.parametrize("prefix", OF_TEMPLATES)
def test_a_template_has_the_repositories_for_one_of_its_reasons(stored, prefix, limit):
    with stored.reading() as work:
        template, templates = work.templates.find(HOME, prefix), work.templates.all(HOME)
        found = pages(lambda after: repositories_of_template(work, template, templates, after, limit), limit)
        assert found == OF_TEMPLATES[prefix]
