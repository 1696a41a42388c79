"""The console in Debian's Chromium: every page, its accessibility, and its forms."""

import re

import pytest

from tests.support.boto import client_at
from tests.support.chromium import window
from tests.support.console_content import ACCOUNT
from tests.support.console_pages import LOOKS, PAGES, digests_of, home_of
from tests.support.images import an_image, put_image
from tests.support.processes import serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]
TOKEN = "s3cret-of-ours"


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_fits_its_window_and_loads_nothing_from_elsewhere(browser, console, checks, name, look):
    checks.run(browser, console, name, look)


@pytest.fixture
def page(browser):
    with window(browser) as opened:
        yield opened


def message_of(page):
    return page.locator(".message").first.inner_text()


def test_a_visit_of_the_address_leads_from_the_overview_to_an_image(page, console):
    page.goto(console.url)
    assert page.url == home_of(console)
    page.get_by_role("link", name="Repositories").click()
    page.get_by_role("searchbox").fill("team/a")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="team/api").click()
    page.get_by_role("link", name="v2.6").click()
    assert page.get_by_role("heading", level=1).inner_text() == "team/api:v2.6"
    assert page.get_by_role("img", name="The contents of the image by size").is_visible()
    command = page.locator("pre", has_text="docker pull").inner_text()
    assert command == f"docker pull {console.host}/team/api:v2.6"
    page.get_by_role("link", name=re.compile("^sha256:")).first.click()
    assert page.get_by_text("gunicorn app:wsgi").is_visible()


def test_the_keyboard_alone_reaches_the_content(page, console):
    page.goto(f"{home_of(console)}repositories")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("link => link === document.activeElement")
    assert skip.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.get_by_role("searchbox").evaluate("field => field === document.activeElement")
    page.keyboard.type("platform")
    page.keyboard.press("Enter")
    page.wait_for_url("**part=platform**")
    assert page.get_by_role("rowheader").all_inner_texts() == ["platform/base", "platform/proxy"]


def test_the_keyboard_goes_to_the_next_page_and_back(page, console):
    ecr = client_at(console.url, account=ACCOUNT)
    names = [f"paged/{number:03}" for number in range(101)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    page.goto(f"{home_of(console)}repositories?part=paged/")
    seen = []
    for link in ("Next page", "Next page", "Previous page", "Previous page"):
        seen.append(page.get_by_role("rowheader").all_inner_texts())
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=link).focus()
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert seen == [names[:50], names[50:100], names[100:], names[50:100]]
    assert page.get_by_role("rowheader").all_inner_texts() == names[:50]
    for name in names:
        ecr.delete_repository(repositoryName=name)


def test_forms_create_change_and_delete(page, console):
    ecr = client_at(console.url, account=ACCOUNT)
    page.goto(f"{home_of(console)}repositories")
    page.get_by_label("Name", exact=True).fill("shop/cart")
    page.get_by_label("Scan on push").check()
    page.get_by_role("button", name="Create").click()
    assert message_of(page) == "The repository shop/cart was created."
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Mode").select_option("IMMUTABLE_WITH_EXCLUSION")
    page.get_by_label("Excluded tags").fill("latest")
    page.locator("form", has=page.get_by_label("Mode")).get_by_role("button").click()
    assert message_of(page) == "The tag mutability is IMMUTABLE_WITH_EXCLUSION now."
    [created] = ecr.describe_repositories(repositoryNames=["shop/cart"])["repositories"]
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    page.get_by_label("Name of the repository").fill("shop/cart")
    page.get_by_role("button", name="Delete the repository").click()
    assert message_of(page) == "The repository shop/cart was deleted."


def test_a_tag_is_added_and_removed_in_the_browser(page, console):
    page.goto(f"{home_of(console)}image/{digests_of(console)['index']}/team/api")
    page.get_by_label("New tag").fill("stable")
    page.get_by_role("button", name="Add").click()
    assert message_of(page) == "The tag stable points at this image."
    page.get_by_role("button", name="Remove the tag stable").click()
    assert message_of(page) == "The tag stable was removed."


def test_the_clock_moves_in_the_browser(page, console):
    page.goto(home_of(console))
    before = page.locator(".clock time").get_attribute("datetime")
    page.get_by_role("button", name="+1h").click()
    assert message_of(page).startswith("The clock shows ")
    assert page.locator(".clock time").get_attribute("datetime") > before
    page.get_by_role("button", name="Freeze").click()
    assert page.get_by_text("frozen,").is_visible()
    page.get_by_label("Set to (UTC)").fill("2026-12-24T18:00:00")
    page.get_by_role("button", name="Set", exact=True).click()
    assert message_of(page) == "The clock shows 2026-12-24 18:00:00 UTC."


def test_a_page_of_another_origin_cannot_send_a_form(page, console):
    page.goto(home_of(console))
    token = page.locator("input[name=form_token]").first.get_attribute("value")
    form = f"<form method=post action='{home_of(console)}clock'><input name=form_token value='{token}'>"
    page.goto("data:text/html," + form + "<button name=advance value=24h>Move</button></form>")
    page.get_by_role("button").click()
    assert "such requests are refused" in page.content()


def test_a_browser_signs_in_with_the_admin_token_and_out_again(page, tmp_path):
    with serving(tmp_path, "--port", "0", variables={"ECR_EMULATOR_ADMIN_TOKEN": TOKEN}) as emulator:
        page.goto(f"{emulator.url}/")
        page.get_by_label("Admin token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        assert "This is not the token" in page.get_by_role("alert").inner_text()
        page.get_by_label("Admin token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        assert page.get_by_role("heading", name="Clock").is_visible()
        page.get_by_role("button", name="Sign out").click()
        assert page.get_by_role("heading", name="Sign in").is_visible()
        assert emulator.stop() == 0


def test_the_sign_in_is_accessible(page, checks, tmp_path):
    with serving(
        tmp_path, "--port", "0", "--iam", "enforce", variables={"ECR_EMULATOR_ADMIN_TOKEN": TOKEN}
    ) as emulator:
        page.goto(f"{emulator.url}/_ecr/")
        assert page.get_by_label("Access key ID").is_visible()
        assert checks.violations(page) == []
        assert emulator.stop() == 0


@pytest.mark.parametrize("look", LOOKS)
def test_the_longest_names_fit_the_window(browser, console, look):
    ecr = client_at(console.url, account=ACCOUNT)
    name, tag = "/".join(["long" * 12] * 5) + "/" + "n" * 11, "t" * 128
    ecr.create_repository(repositoryName=name)
    digest = put_image(ecr, name, an_image(), tag)
    pages = [
        "",
        "repositories",
        f"repository/{name}",
        f"image/{digest}/{name}",
        f"lifecycle/{name}",
        f"settings/{name}",
    ]
    scheme, size = LOOKS[look]
    try:
        with window(browser, scheme, size) as page:
            for path in pages:
                page.goto(f"{home_of(console)}{path}")
                widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
                assert widths[0] <= widths[1], path
    finally:
        ecr.delete_repository(repositoryName=name, force=True)
