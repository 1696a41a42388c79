"""Every list of the console has links to its first, previous and next page."""

from dataclasses import replace

import pytest

from ecr_emulator.console import paging
from ecr_emulator.domain.events import Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.template import PULL_THROUGH_CACHE, CreationTemplate
from tests.support.console import ACCOUNT, REGION
from tests.support.images import an_image, put_image
from tests.support.lifecycle import keep, policy

HOME = Registry(ACCOUNT, REGION)
PUSH = "ECR Image Action"
NAMES = "quay/app", "quay/b", "quay/c", "quay/d", "quay/e"


@pytest.fixture
def filled(emulator, ecr):
    """Fill every list with five entries or more."""
    emulator.clock.freeze()
    now = emulator.clock.now()
    rule = PullThroughRule(HOME, "quay", "quay.io", "quay", now, now)
    template = CreationTemplate(HOME, "", (PULL_THROUGH_CACHE,), now, now)
    with emulator.services.store.writing() as work:
        work.rules.add(rule)
        for letter in "abcde":
            work.templates.add(replace(template, prefix=f"{letter}-team"))
    for name in NAMES:
        ecr.create_repository(repositoryName=name)
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy(keep()))
    for number in range(6):
        put_image(ecr, "quay/app", an_image(number), f"v{number}")
    with emulator.services.store.writing() as work:
        repository = work.repositories.get(HOME, "quay/app")
        for number in range(5):
            work.events.add(Event(HOME, now, PUSH, {"action-type": "PUSH", "repository-name": f"r{number}"}))
            work.tags.put(repository, f"cached-{number}", work.tags.find(repository, f"v{number}"), now)
    ecr.start_lifecycle_policy_preview(repositoryName="quay/app", lifecyclePolicyText=policy(keep(1)))


LISTS = {
    "repositories": ("repository_list", {}),
    "repositories by size": ("repository_list", {"order": "size"}),
    "repositories of a filter": ("repository_list", {"part": "quay"}),
    "images": ("image_list", {}),
    "images by tag": ("image_list", {"tag": "v"}),
    "cached tags": ("cached_tags", {}),
    "repositories of a rule": ("pull_through", {}),
    "templates": ("creation_templates", {}),
    "results of a preview": ("lifecycle", {"of": "preview"}),
    "events": ("activity", {}),
    "events of a filter": ("activity", {"repository": "r"}),
    "requests": ("recent_requests", {"plane": "control"}),
    "tasks": ("task_list", {}),
}
ADDRESSES = {
    "repository_list": "repositories",
    "image_list": "repository/quay/app",
    "cached_tags": "pull-through/repository/quay/app",
    "pull_through": "pull-through/rule/quay",
    "creation_templates": "pull-through/templates",
    "lifecycle": "lifecycle/quay/app",
    "activity": "activity",
    "recent_requests": "activity/requests",
    "task_list": "activity/tasks",
}


def titles_of_links(page):
    return [text for _, text in page.links if text.endswith(" page")]


def without_links(page):
    return page.text.replace("First page", "").replace("Previous page", "").replace("Next page", "").split()


@pytest.mark.parametrize("shown", LISTS)
def test_the_previous_page_is_the_one_that_was_seen(browser, filled, monkeypatch, shown):
    module, query = LISTS[shown]
    monkeypatch.setattr(f"ecr_emulator.console.{module}.PER_PAGE", 2)
    seen = [browser.open(ADDRESSES[module], **query)]
    while "Next page" in titles_of_links(seen[-1]) and len(seen) < 6:
        seen.append(browser.open(seen[-1].link("Next page")))
    assert len(seen) >= 3
    assert titles_of_links(seen[0]) == ["Next page"]
    assert titles_of_links(seen[1]) == ["First page", "Previous page", "Next page"]
    page = seen.pop()
    assert 'rel="prev"' in page.html
    while seen:
        page, expected = browser.open(page.link("Previous page")), seen.pop()
        assert without_links(page) == without_links(expected)
        assert titles_of_links(page) == titles_of_links(expected)


@pytest.mark.parametrize("shown", LISTS)
def test_a_page_after_the_last_says_so_and_leads_back(browser, emulator, ecr, filled, monkeypatch, shown):
    module, query = LISTS[shown]
    last = {"lifecycle": "999", "activity": "1", "recent_requests": "1", "task_list": "99999999999999 x"}
    last |= {"repository_list": "0 zz" if query.get("order") != "size" else "-1 zz"}
    last |= {"image_list": "zz" if query else "1 1"}
    page = browser.open(ADDRESSES[module], **query, after=last.get(module, "zz"))
    assert "There are no more." in page.text
    assert titles_of_links(page) == ["First page", "Previous page"]
    assert titles_of_links(browser.open(page.link("Previous page")))[:1] != ["First page"]


def test_a_long_way_is_shortened_at_its_beginning(browser, filled, monkeypatch):
    monkeypatch.setattr("ecr_emulator.console.repository_list.PER_PAGE", 1)
    monkeypatch.setattr(paging, "LONGEST_ADDRESS", len("&amp;after=0%20quay/b") * 3)
    page = browser.open("repositories")
    for _ in range(4):
        page = browser.open(page.link("Next page"))
    assert "quay/e" in page.text
    for name in ("quay/d", "quay/c"):
        page = browser.open(page.link("Previous page"))
        assert name in page.text
    assert titles_of_links(page) == ["First page", "Next page"]
    assert "quay/app" in browser.open(page.link("First page")).text


def test_an_address_with_many_places_makes_no_large_page(browser, filled):
    page = browser.open(f"/_ecr/console/{ACCOUNT}/{REGION}/repositories?" + "&".join(["after=x"] * 5_000))
    assert "quay/app" in page.text
    assert len(page.html) < 20_000
