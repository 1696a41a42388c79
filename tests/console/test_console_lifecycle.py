"""The lifecycle of a repository: its policy, the preview as a table, and the timeline on the movable clock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ecr_emulator.domain.names import Registry
from tests.support.console import ACCOUNT, REGION
from tests.support.images import an_image, put_image
from tests.support.lifecycle import DAY, NAME, after, keep, policy


@pytest.fixture
def page(browser, ecr):
    ecr.create_repository(repositoryName=NAME)
    return lambda **query: browser.open(f"lifecycle/{NAME}", **query)


@pytest.fixture
def images(page, ecr, emulator):
    """Push three images, one a day."""
    emulator.clock.freeze()
    digests = []
    for number in range(3):
        digests.append(put_image(ecr, NAME, an_image(number), f"v{number}"))
        emulator.clock.advance(DAY)
    return digests


def digests_of(ecr):
    return [each["imageDigest"] for each in ecr.list_images(repositoryName=NAME)["imageIds"]]


def test_a_repository_without_a_policy_says_so(page):
    assert "The repository has no lifecycle policy." in page().text
    assert "There is no preview." in page().text


def test_a_policy_is_saved_and_deleted(page, browser, ecr):
    saved = browser.submit(page().form("/put"), policy=policy(keep(1)))
    assert "The lifecycle policy was saved. It is evaluated within a day." in saved.text
    assert "It will act on no image" in saved.text
    form = saved.form("/put")
    form.action = form.action.replace("/put", "/delete")
    assert "The lifecycle policy was deleted." in browser.submit(form).text


def test_a_policy_that_ecr_refuses_stays_on_the_page_with_the_reason(page, browser):
    for ending in ("/put", "/preview"):
        form = page().form("/put")
        form.action = form.action.replace("/put", ending)
        refused = browser.submit(form, policy='{"rules": ["<script>"]}')
        assert refused.status == 400
        assert "Invalid parameter at 'lifecyclePolicyText' failed to satisfy constraint" in refused.text
        assert "<script>" in refused.form("/put").values["policy"]


def test_the_timeline_tells_which_images_expire_when(page, browser, ecr, emulator, images):
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(after(10)))
    shown = page()
    assert "3 images from" in shown.html
    dates = [emulator.clock.now() + days * DAY for days in (8, 9, 10)]
    for at, tag in zip(dates, ("v0", "v1", "v2"), strict=True):
        assert f"{at:%Y-%m-%d %H:%M:%S} in {(at - emulator.clock.now()).days} days expires 1 {tag} rule 1" in shown.text


def test_a_button_moves_the_clock_to_an_evaluation(page, browser, ecr, emulator, images):
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(after(10)))
    begin, form = emulator.clock.now(), page().form("/move")
    moved = browser.submit(form)
    assert "The clock shows" in moved.text
    assert emulator.clock.now() - begin == 8 * DAY
    assert sorted(digests_of(ecr)) == sorted(images[1:])
    assert "v0" not in moved.text
    emulator.clock.advance(timedelta(seconds=1))
    assert "The clock was not moved: this evaluation is over." in browser.submit(form).text
    assert "The clock was not moved: 'soon' is not the time of an evaluation." in browser.submit(form, to="soon").text


def test_a_preview_is_a_table_with_its_own_timeline(page, browser, ecr, images):
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(after(100)))
    form = page().form("/put")
    form.action = form.action.replace("/put", "/preview")
    shown = browser.submit(form, policy=policy(keep(1)))
    assert "This is the policy of the preview." in shown.text
    assert "complete, started just now, 2 to expire" in shown.text
    assert "v0 sha256:" in shown.text
    assert "in 1 day expires 2 v0 rule 1, v1 rule 1" in shown.text
    assert ecr.get_lifecycle_policy_preview(repositoryName=NAME)["summary"]["expiringImageTotalCount"] == 2
    own = browser.open(shown.link("Show the policy of the repository"))
    assert "in 98 days expires 1 v0" in own.text or "in 97 days expires 1 v0" in own.text
    assert len(digests_of(ecr)) == 3


def test_the_results_of_a_preview_have_pages(page, browser, ecr, monkeypatch):
    monkeypatch.setattr("ecr_emulator.console.lifecycle.PER_PAGE", 2)
    for number in range(4):
        put_image(ecr, NAME, an_image(number), f"v{number}")
    form = page().form("/put")
    form.action = form.action.replace("/put", "/preview")
    first = browser.submit(form, policy=policy(keep(1)))
    second = browser.open(first.link("Next page"))
    found = [
        tag for tag in ("v0", "v1", "v2", "v3") if f"{tag} sha256:" in first.text or f"{tag} sha256:" in second.text
    ]
    assert len(found) == 3
    assert "Next page" not in second.text
    assert "This is the policy of the preview." in second.text


def test_a_large_repository_has_no_forecast(page, ecr, images, monkeypatch):
    for module in ("services.lifecycle_forecasts", "console.lifecycle"):
        monkeypatch.setattr(f"ecr_emulator.{module}.MOST_IMAGES", 2)
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=policy(keep(1)))
    told = "There is no forecast: the repository has 3 images, and forecasts look at no more than 2."
    assert told in page().text
    monkeypatch.setattr("ecr_emulator.services.lifecycle_forecasts.MOST_IMAGES", 3)
    assert "There is no forecast" not in page().text


def test_a_policy_that_is_no_longer_accepted_has_no_forecast(page, emulator, images):
    with emulator.services.store.writing() as work:
        repository = work.repositories.get(Registry(ACCOUNT, REGION), NAME)
        work.repositories.save(replace(repository, lifecycle_policy='{"rules": []}'))
    assert "There is no forecast: ECR no longer accepts this policy." in page().text


def test_a_repository_that_does_not_exist_has_no_lifecycle(browser):
    assert browser.open("lifecycle/team/none").status == 404
