"""The console in Debian's Chromium: pull through, permissions, lifecycles, and lists that stay up to date."""

import pytest

from tests.support.boto import client_at
from tests.support.chromium import window
from tests.support.console_content import ACCOUNT, pull
from tests.support.console_pages import home_of
from tests.support.images import an_image, put_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture
def page(browser):
    with window(browser) as opened:
        yield opened


@pytest.fixture
def ecr(console):
    return client_at(console.url, account=ACCOUNT)


def message_of(page):
    return page.locator(".message").first.inner_text()


def test_the_state_of_upstreams_leads_to_the_cached_tags(page, console):
    page.goto(home_of(console))
    page.get_by_role("link", name="Pull through").click()
    failing = page.get_by_role("row", name="k8s")
    assert "cannot be reached" in failing.inner_text()
    page.get_by_role("link", name="quay", exact=True).click()
    assert page.get_by_role("img", name="Pulls through the cache").is_visible()
    page.get_by_role("link", name="quay/prometheus/prometheus").click()
    page.get_by_role("button", name="Refresh stable").click()
    assert message_of(page).startswith("quay/prometheus/prometheus:stable ")
    page.get_by_role("button", name="Import stable").click()
    assert message_of(page).startswith("quay/prometheus/prometheus:stable is here")


def test_an_image_is_imported_by_its_name(page, console):
    page.goto(f"{home_of(console)}pull-through")
    page.get_by_label("Image").fill("quay/coreos/etcd:none")
    page.get_by_role("button", name="Import").click()
    assert message_of(page).startswith("quay/coreos/etcd:none was not imported: ")


def test_a_question_is_answered_with_the_statement_that_decides(page, console):
    page.goto(f"{home_of(console)}permissions/team/api")
    page.get_by_label("Principal", exact=True).fill("210987654321")
    page.get_by_role("button", name="Ask").click()
    assert "arn:aws:iam::210987654321:root may pull" in page.get_by_role("status").inner_text()
    assert page.get_by_text("allows it in statement 'LetCiPull'").first.is_visible()
    page.get_by_role("combobox", name="may").select_option("push")
    page.get_by_role("button", name="Ask").click()
    assert "may not push" in page.get_by_role("status").inner_text()


def test_a_policy_is_previewed_and_the_clock_moves_to_its_evaluation(page, console, ecr):
    ecr.create_repository(repositoryName="team/lifecycle")
    for number in range(3):
        put_image(ecr, "team/lifecycle", an_image(number), f"v{number}")
    page.goto(f"{home_of(console)}lifecycle/team/lifecycle")
    page.get_by_label("Lifecycle policy, as JSON").fill(
        '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", '
        '"countNumber": 2}, "action": {"type": "expire"}}]}'
    )
    page.get_by_role("button", name="Preview").click()
    assert "1 to expire" in page.locator("main").inner_text()
    page.get_by_role("button", name="Save").click()
    assert message_of(page) == "The lifecycle policy was saved. It is evaluated within a day."
    page.get_by_role("button", name="Move there").click()
    assert message_of(page).startswith("The clock shows ")
    assert len(ecr.list_images(repositoryName="team/lifecycle")["imageIds"]) == 2


def test_an_event_appears_on_the_page_without_a_reload(page, console, ecr):
    ecr.create_repository(repositoryName="team/live")
    page.goto(f"{home_of(console)}activity?repository=team/live")
    assert page.get_by_text("No event passes the filter.").is_visible()
    put_image(ecr, "team/live", an_image(), "v1")
    page.get_by_role("link", name="team/live:v1").wait_for(timeout=20_000)
    page.get_by_role("button", name="Pause").click()
    put_image(ecr, "team/live", an_image(2), "v2")
    page.wait_for_timeout(1_500)
    assert not page.get_by_role("link", name="team/live:v2").is_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("link", name="team/live:v2").wait_for(timeout=20_000)


def test_a_request_appears_on_the_page_without_a_reload(page, console):
    page.goto(f"{home_of(console)}activity/requests?text=quay/none")
    assert page.get_by_text("No request passes the filter.").is_visible()
    pull(console, "quay/none", "v1")
    page.get_by_text("GET /v2/quay/none/manifests/v1").wait_for(timeout=20_000)


def test_the_lists_are_there_without_javascript(browser, console, ecr):
    with window(browser, java_script_enabled=False) as page:
        page.goto(f"{home_of(console)}activity")
        assert page.get_by_role("listitem").filter(has_text="imported").count() > 0
        assert page.get_by_role("button", name="Pause").count() == 0
        page.get_by_label("Repository contains").fill("team/api")
        page.get_by_role("button", name="Filter").click()
        assert page.get_by_text("quay/").count() == 0
