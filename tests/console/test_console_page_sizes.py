"""No page grows beyond its limit, whatever others have written: ``tests.support.console.Page`` checks each page."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.console.excerpts import clip
from ecr_emulator.domain.events import IMPORT, Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.domain.template import PULL_THROUGH_CACHE, CreationTemplate
from ecr_emulator.domain.validation_timer import Validation
from ecr_emulator.request_counts import RequestFacts, RequestKind
from tests.support.console import ACCOUNT, REGION
from tests.support.images import an_image, put_image
from tests.support.lifecycle import after, policy

HOME = Registry(ACCOUNT, REGION)
HOSTILE = "\"<script>&'" * 2_000
LONG_TAG = "v" * 125
LONG_NAME = "/".join(["n" * 80] * 3)


@pytest.fixture
def now(emulator):
    return emulator.clock.now()


def test_events(browser, emulator, now):
    detail = {"repository-name": LONG_NAME, "image-tag": LONG_TAG * 9, "image-digest": f"sha256:{'a' * 64}"}
    failed = detail | {"failure-code": "x", "failure-reason": HOSTILE, "ecr-repository-prefix": "n"}
    with emulator.services.store.writing() as work:
        for _ in range(60):
            work.events.add(Event(HOME, now, IMPORT, failed))
    assert "import failed" in browser.open("activity").text


def test_requests(browser, emulator, now):
    facts = RequestFacts(RequestKind("control", "PutImage", "400"), (), "POST", "/", {"reason": HOSTILE}, True)
    for each in (facts, replace_kind(facts, "distribution", f"/v2/{HOSTILE}")):
        for _ in range(30):
            emulator.request_records.add(each, now, 1.5, 0)
    assert "PutImage" in browser.open("activity/requests").text


def replace_kind(facts, plane, path):
    return facts._replace(kind=RequestKind(plane, "unknown", "500"), path=path)


def test_rules_and_templates(browser, emulator, now):
    rule = PullThroughRule(HOME, "", "u" * 200, "quay", now, now, upstream_prefix="u" * 29)
    template = CreationTemplate(HOME, "", (PULL_THROUGH_CACHE,), now, now, description=HOSTILE[:256])
    with emulator.services.store.writing() as work:
        for number in range(50):
            prefix = f"{'p' * 26}{number:03}"
            work.rules.add(replace(rule, prefix=prefix))
            work.templates.add(replace(template, prefix=f"{'t' * 200}{number:03}"))
            detail = {
                "ecr-repository-prefix": prefix,
                "failure-code": "UpstreamAccessDenied",
                "failure-reason": HOSTILE,
            }
            work.events.add(Event(HOME, now, IMPORT, detail))
    assert "refuses the credential" in browser.open("pull-through").text
    page = browser.open("pull-through/templates")
    assert "none yet" in page.text
    assert "none yet" in browser.open(page.link("Next page")).text


def test_cached_tags(browser, emulator, ecr, now):
    ecr.create_repository(repositoryName=f"quay/{LONG_NAME}")
    put_image(ecr, f"quay/{LONG_NAME}", an_image(), "v1")
    validation = Validation(now - timedelta(days=2), now, 3, HOSTILE)
    with emulator.services.store.writing() as work:
        work.rules.add(PullThroughRule(HOME, "quay", "quay.io", "quay", now, now))
        repository = work.repositories.get(HOME, f"quay/{LONG_NAME}")
        image = work.tags.find(repository, "v1")
        for number in range(60):
            work.tags.put(repository, f"{LONG_TAG}{number:03}", image, now)
            work.tags.save_validation(repository, f"{LONG_TAG}{number:03}", validation)
    page = browser.open(f"pull-through/repository/quay/{LONG_NAME}")
    assert "3 failed checks" in page.text
    assert browser.open(page.link("Next page")).status == 200


def test_lifecycles(browser, ecr, emulator):
    ecr.create_repository(repositoryName="team/app")
    for number in range(35):
        put_image(ecr, "team/app", an_image(number), f"v{number}")
        with emulator.services.store.writing() as work:
            repository = work.repositories.get(HOME, "team/app")
            image = work.tags.find(repository, f"v{number}")
            for suffix in "abc":
                work.tags.put(repository, f"{LONG_TAG}{suffix}{number:02}", image, emulator.clock.now())
        emulator.clock.advance(timedelta(days=1))
    described = json.loads(policy(after(50)))
    described["rules"][0]["description"] = HOSTILE[:20_000]
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=json.dumps(described))
    ecr.start_lifecycle_policy_preview(repositoryName="team/app", lifecyclePolicyText=policy(after(1)))
    page = browser.open("lifecycle/team/app")
    assert "This policy is too long to be changed here." in page.text
    assert "More evaluations follow." in page.text
    assert "expire" in browser.open("lifecycle/team/app", of="preview").text


@pytest.mark.parametrize("address", ["permissions/team/app", "registry"])
def test_policies(browser, ecr, address):
    ecr.create_repository(repositoryName="team/app")
    page = browser.open(address)
    form = next(each for each in page.forms if each.method == "post")
    assert browser.submit(form, policy=HOSTILE * 4).status == 400
    asked = browser.open(address, principal=HOSTILE[:3_000], repository="team/app")
    assert "is no principal" in asked.text


@pytest.mark.parametrize(
    ("text", "most", "clipped"),
    [("abc", 3, "abc"), ("abc", 2, "ab…"), ('a"b', 6, 'a"…'), ('"""', 9, '"…'), ("éé", 3, "é…"), ('"', 1, "…")],
)
def test_a_text_is_cut_by_the_bytes_of_its_html(text, most, clipped):
    assert clip(text, most) == clipped
