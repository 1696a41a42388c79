"""Error pages have the frame of all pages: a caller reads the reason, and goes on to another section."""

import pytest

from ecr_emulator.console.app import MAX_BODY
from tests.support.console import ACCOUNT, Browser

SECTIONS = ["Overview", "Repositories", "Pull through", "Activity", "Registry"]
HOME = f"/_ecr/console/{ACCOUNT}/us-east-1/"


def sections_of(page):
    """Return the titles of the sections and the address of the first one; the list is empty without navigation."""
    links = [(address, text) for address, text in page.links if text in SECTIONS]
    return [text for _, text in links], links[0][0] if links else None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("repository/none", "The repository with name 'none' does not exist"),
        ("nope", f"The console has no page at {HOME}nope."),
        ("/_ecr/console/nope", "The console has no page at /_ecr/console/nope."),
        ("/_ecr/console/12/us-east-1/", "There is no registry 12 in us-east-1."),
    ],
)
def test_a_page_that_does_not_exist_leads_to_the_sections(browser, path, reason):
    page = browser.open(path)
    assert (page.status, sections_of(page)) == (404, (SECTIONS, HOME))
    assert reason in page.text
    assert browser.open(page.link("Repositories")).status == 200


def test_the_sections_are_those_of_the_registry_in_the_address(browser):
    page = browser.open("/_ecr/console/210987654321/eu-west-1/repository/none")
    assert sections_of(page)[1] == "/_ecr/console/210987654321/eu-west-1/"
    assert "Registry: 210987654321 eu-west-1" in page.text


def test_a_forged_form_is_refused_on_a_page_with_the_sections(browser):
    page = browser.submit(browser.open().form("/clock"), ("change", "freeze"), form_token="forged")
    assert (page.status, sections_of(page)) == (403, (SECTIONS, HOME))
    assert "This form is from an earlier session. Go back, reload the page, and send the form again." in page.text


def test_a_form_that_is_too_large_is_told_how_large_it_may_be(browser):
    form = next(each for each in browser.open("repositories").forms if each.method == "post")
    page = browser.submit(form, repository_name="x" * MAX_BODY)
    assert (page.status, sections_of(page)) == (413, (SECTIONS, HOME))
    assert "A form of the console may have at most 1,048,576 bytes." in page.text


def test_a_form_without_a_page_leads_to_the_sections(browser):
    assert sections_of(browser.open("clock")) == (SECTIONS, HOME)


def test_a_failure_is_a_page_with_the_sections(browser, monkeypatch):
    monkeypatch.setattr("ecr_emulator.console.repository_list.PER_PAGE", "a number of another type")
    page = browser.open("repositories")
    assert (page.status, sections_of(page)) == (500, (SECTIONS, HOME))
    assert "The log of the emulator has the reason." in page.text


def test_a_long_address_makes_no_large_page(browser):
    page = browser.open("x" * 60_000)
    assert page.status == 404
    assert len(page.html) < 10_000


def test_nobody_who_has_yet_to_sign_in_sees_the_sections(with_settings):
    browser = Browser(with_settings(admin_token="s3cret"))
    page = browser.open("/_ecr/console/nope")
    assert (page.status, sections_of(page)) == (404, ([], None))
    browser.submit(browser.open("/_ecr/").form("/sign-in"), admin_token="s3cret")
    page = browser.open("repository/none")
    assert (page.status, sections_of(page)) == (404, (SECTIONS, HOME))
    assert browser.submit(page.form("/sign-out")).path == "/_ecr/console/sign-in"


def test_a_caller_of_iam_is_led_to_the_sections_of_the_own_account(with_settings):
    browser = Browser(with_settings(iam="enforce"))
    assert sections_of(browser.open("/_ecr/console/nope")) == ([], None)
    browser.submit(browser.open("/_ecr/").form("/sign-in"), access_key="210987654321")
    page = browser.open("/_ecr/console/nope")
    assert sections_of(page) == (SECTIONS, "/_ecr/console/210987654321/us-east-1/")
    refused = browser.open("/_ecr/console/000000000000/us-east-1/repositories")
    assert (refused.status, sections_of(refused)[0]) == (403, SECTIONS)
    assert "is not authorized to perform: ecr:DescribeRepositories" in refused.text
