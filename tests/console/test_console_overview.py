"""The way to the console, and the overview with its clock."""

from datetime import timedelta, timezone

import pytest
from werkzeug.test import Client

from ecr_emulator.console.text_filters import size
from tests.support.boto import client_of
from tests.support.console import HTML, Browser
from tests.support.images import an_image, put_image


@pytest.mark.parametrize("path", ["/", "/_ecr", "/_ecr/", "/_ecr/console", "/_ecr/console/"])
def test_a_browser_is_led_to_the_overview(browser, path):
    page = browser.open(path)
    assert (page.status, page.path) == (200, "/_ecr/console/000000000000/us-east-1/")
    assert "Overview" in page.html


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/plain"])
@pytest.mark.parametrize("path", ["/", "/_ecr", "/_ecr/"])
def test_programs_get_the_list_of_addresses_in_plain_text(emulator, path, accept):
    answer = Client(emulator.wsgi).get(path, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "/_ecr/openapi.json" in answer.text


def test_a_signed_request_of_a_browser_is_no_visit(emulator):
    answer = Client(emulator.wsgi).get("/?X-Amz-Signature=0", headers=HTML)
    assert answer.status_code != 302


def test_the_overview_counts_repositories_images_and_layers(browser, ecr):
    image = an_image()
    for name in ("team/app", "team/other"):
        ecr.create_repository(repositoryName=name)
    put_image(ecr, "team/app", image, "v1")
    page = browser.open()
    held = sum(len(blob.raw) for blob in image.blobs)
    assert f"Repositories 2 Images 1 Layers {size(held)}" in page.text
    ecr.delete_repository(repositoryName="team/app", force=True)
    assert "Repositories 1 Images 0 Layers 0 B" in browser.open().text


def test_the_overview_shows_the_last_events_newest_first(browser, ecr):
    ecr.create_repository(repositoryName="team/app")
    put_image(ecr, "team/app", an_image(), "v1")
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    text = browser.open().text
    assert text.index("deleted team/app:v1") < text.index("pushed team/app:v1")


def test_buttons_move_the_clock(browser, emulator):
    before = emulator.clock.now()
    form = browser.open().form("/clock")
    page = browser.submit(form, ("advance", "24h"))
    assert timedelta(hours=24) <= emulator.clock.now() - before < timedelta(hours=25)
    assert "The clock shows " in page.text
    assert "running, 1 day ahead of the machine" in page.text


def test_the_clock_freezes_and_follows_the_machine_again(browser, emulator):
    page = browser.submit(browser.open().form("/clock"), ("change", "freeze"))
    assert emulator.clock.is_frozen
    assert "frozen" in page.text
    browser.submit(page.form("/clock"), ("change", "follow"))
    assert not emulator.clock.is_frozen


def test_the_clock_is_set_to_a_time(browser, emulator):
    there = (emulator.clock.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    page = browser.submit(browser.open().form("/clock"), ("change", "set"), to=f"{there:%Y-%m-%dT%H:%M}")
    assert f"{there:%Y-%m-%d %H:%M}" in page.text
    assert timedelta() <= emulator.clock.now() - there < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"advance": "soon"}, "The clock was not moved: 'soon' is not a length of time"),
        ({"advance": "9999d"}, "The clock was not moved: the clock moves at most 3660 days at a time."),
        (
            {"change": "set", "to": "tomorrow"},
            "The clock was not moved: 'tomorrow' is not a time; write it like 2026-01-31T12:00:00.",
        ),
    ],
)
def test_a_move_that_is_impossible_is_refused_with_the_reason(browser, emulator, values, reason):
    page = browser.submit(browser.open().form("/clock"), **values)
    assert reason in page.text
    assert abs(emulator.clock.ahead) < timedelta(seconds=1)


def test_a_time_with_a_zone_is_that_time(browser, emulator):
    browser.submit(browser.open().form("/clock"), ("change", "freeze"))
    there = (emulator.clock.now() + timedelta(days=3)).replace(microsecond=0)
    zone = timezone(timedelta(hours=2))
    browser.submit(browser.open().form("/clock"), ("change", "set"), to=there.astimezone(zone).isoformat())
    assert emulator.clock.now() == there


def test_another_registry_is_chosen_from_a_list_or_by_name(browser, emulator):
    client_of(emulator, account="123456789012", region="eu-west-1").create_repository(repositoryName="app")
    page = browser.open("registries")
    assert "123456789012 eu-west-1 1 0 0 B" in page.text
    assert "Repositories 1" in browser.open(page.link("123456789012")).text
    chosen = browser.submit(page.form("/registries"), to_account="210987654321", to_region="us-west-2")
    assert chosen.path == "/_ecr/console/210987654321/us-west-2/"
    assert "An account has twelve digits" in browser.submit(page.form("/registries"), to_account="12").text


@pytest.mark.parametrize("path", ["12/us-east-1/", "000000000000/nowhere/", "000000000000/us-east-1/nope", "nope"])
def test_an_address_without_a_page_is_a_page_too(browser, path):
    page = browser.open(f"/_ecr/console/{path}")
    assert page.status == 404
    assert "This does not exist" in page.text


@pytest.mark.parametrize("path", ["12/us-east-1/", "000000000000/nowhere/"])
def test_an_address_that_names_no_registry_says_how_to_name_one(browser, path):
    assert "An account has twelve digits, and a Region is like eu-west-1." in browser.open(f"/_ecr/console/{path}").text


def test_the_address_of_a_form_leads_back_to_its_page(browser):
    page = browser.open("clock")
    assert page.status == 405
    assert "clock only takes the form of a page. Go back to that page." in page.text


def test_the_overview_says_in_words_why_an_upstream_fails(with_settings):
    emulator = with_settings(upstream_map={"quay.io": "http://127.0.0.1:9"})
    ecr = client_of(emulator, account="000000000000")
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    browser = Browser(emulator)
    assert "quay quay.io not asked yet" in browser.open().text
    validated = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert not validated["isValid"]
    text = browser.open().text
    assert "quay quay.io failing Its last answer was a failure: " in text
    assert "cannot be reached: Connection refused, just now." in text
