"""The activity of a registry: events, requests and waiting tasks."""

import json
from datetime import timedelta

import pytest

from ecr_emulator.domain.events import DETAIL_TYPES, IMPORT, Event
from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from tests.support.boto import client_of
from tests.support.console import ACCOUNT, REGION
from tests.support.images import an_image, put_image
from tests.support.lifecycle import keep, policy

HOME = Registry(ACCOUNT, REGION)


@pytest.fixture
def emulator():
    """Return an emulator that no other test has asked: a reset keeps the list of requests."""
    with Emulator() as running:
        yield running


@pytest.fixture
def events(browser):
    return lambda **query: browser.open("activity", **query)


@pytest.fixture
def requests(browser):
    return lambda **query: browser.open("activity/requests", **query)


@pytest.fixture
def add_events(emulator):
    """Add events, each a second after the one before."""

    def add(*details, detail_type=DETAIL_TYPES[0], registry=HOME):
        with emulator.services.store.writing() as work:
            for number, detail in enumerate(details):
                at = emulator.clock.now() + timedelta(seconds=number)
                work.events.add(Event(registry, at, detail_type, detail))

    return add


# --- Events --------------------------------------------------------------------------------------------------------


def test_events_are_shown_newest_first_with_links_to_images(events, browser, ecr):
    ecr.create_repository(repositoryName="team/app")
    assert "No events yet." in events().text
    digest = put_image(ecr, "team/app", an_image(), "v1")
    page = events()
    assert "pushed team/app:v1" in page.text
    assert digest in browser.open(page.link("team/app:v1")).html
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])
    text = events().text
    assert text.index("deleted team/app:v1") < text.index("pushed team/app:v1")


def test_filters_choose_events(events, add_events):
    add_events(*({"action-type": "PUSH", "repository-name": name} for name in ("team/app", "web")))
    failed = {"repository-name": "quay/app", "failure-code": "x", "failure-reason": "<script>because</script>"}
    add_events(failed, detail_type=IMPORT)
    add_events({"repository-name": "web", "result": "FAILED", "action-type": "REPLICATE"}, detail_type=DETAIL_TYPES[4])
    add_events({"repository-name": "elsewhere"}, registry=Registry("123456789012", REGION))
    page = events()
    assert all(name in page.text for name in ("team/app", "web", "quay/app", "not replicated web"))
    assert "elsewhere" not in page.text
    assert "<script>because" in page.text
    assert "<script>because" not in page.html
    assert "team/app" not in events(repository="web").text
    by_type = events(type=IMPORT).text
    assert "import failed quay/app" in by_type
    assert "pushed" not in by_type
    failures = events(failed="yes").text
    assert "import failed quay/app" in failures
    assert "not replicated web" in failures
    assert "pushed" not in failures
    assert "No event passes the filter." in events(repository="nothing").text


@pytest.mark.parametrize("batch", [7, 500])
def test_older_events_are_on_further_pages(events, browser, add_events, monkeypatch, batch):
    monkeypatch.setattr("ecr_emulator.console.activity.BATCH", batch)
    add_events(*({"action-type": "PUSH", "repository-name": f"r{number:03}"} for number in range(120)))
    page, seen = events(repository="r"), []
    while True:
        seen += [f"r{number:03}" for number in range(120) if f"r{number:03}" in page.text]
        following = [address for address, text in page.links if text == "Next page"]
        if not following:
            break
        page = browser.open(following[0])
    assert sorted(seen) == [f"r{number:03}" for number in range(120)]


def test_the_newest_events_are_followed_by_a_script_and_older_ones_are_not(events, browser, emulator, add_events):
    add_events(*({"action-type": "PUSH", "repository-name": "r"} for _ in range(60)))
    page = events()
    assert '<div data-live data-stream="/_ecr/console/000000000000/us-east-1/activity/stream">' in page.html
    assert "live.js" in page.html
    older = browser.open(page.link("Next page"))
    assert "live.js" not in older.html
    assert "data-stream" not in older.html
    script = browser.client.get("/_ecr/console/static/live.js", base_url="http://localhost:4566")
    assert script.content_type == "text/javascript; charset=utf-8"


def test_the_stream_tells_of_later_events(events, browser, emulator, add_events):
    add_events({"action-type": "PUSH", "repository-name": "before"})
    answer = browser.client.get(
        "/_ecr/console/000000000000/us-east-1/activity/stream", base_url="http://localhost:4566"
    )
    parts = iter(answer.response)
    assert answer.mimetype == "text/event-stream"
    assert b"follow" in next(parts)
    add_events({"action-type": "PUSH", "repository-name": "later"})
    told = next(parts).decode()
    assert json.loads(told.partition("data: ")[2])["detail"]["repository-name"] == "later"
    answer.close()


# --- Requests ------------------------------------------------------------------------------------------------------


def test_requests_are_shown_newest_first(requests, ecr, browser):
    assert "No requests yet. Those of clients appear here as they come." in requests().text
    ecr.create_repository(repositoryName="team/app")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.list_images(repositoryName="none")
    browser.client.get("/v2/team/app/manifests/v1", base_url="http://localhost:4566", buffered=True)
    text = requests().text
    lines = "401 GET /v2/team/app/manifests/v1", "400 ListImages none", "200 CreateRepository team/app"
    places = [text.index(line) for line in lines]
    assert places == sorted(places)
    assert "the request has no Authorization header: the client is not logged in" in text


def test_pages_and_probes_are_no_requests_but_forms_are(requests, browser):
    browser.open()
    browser.client.get("/_ecr/health", base_url="http://localhost:4566", buffered=True)
    browser.submit(browser.open().form("/clock"), ("change", "freeze"))
    text = requests().text
    assert "POST /_ecr/console/000000000000/us-east-1/clock" in text
    assert "GET /_ecr" not in text


def test_filters_choose_requests(requests, ecr, emulator, browser):
    ecr.create_repository(repositoryName="team/app")
    ecr.describe_repositories()
    client_of(emulator, "sts").get_caller_identity()
    browser.client.get("/v2/<script>/tags/list", base_url="http://localhost:4566", buffered=True)
    assert "DescribeRepositories" not in requests(text="Create").text
    assert "CreateRepository" in requests(text="Create").text
    assert "CreateRepository" not in requests(plane="companions").text
    assert "sts:GetCallerIdentity" in requests(plane="companions").text
    failed = requests(failed="yes")
    assert "CreateRepository" not in failed.text
    assert "/v2/%3Cscript%3E/tags/list" in failed.text
    assert "No request passes the filter." in requests(text="nothing").text


def test_requests_of_another_registry_are_left_out(requests, emulator, browser):
    other = client_of(emulator, account="123456789012", region="eu-west-1")
    other.create_repository(repositoryName="theirs")
    token = other.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    browser.client.get("/v2/theirs/tags/list", base_url="http://localhost:4566", headers=headers, buffered=True)
    assert "/v2/theirs/tags/list" not in requests().text


def test_older_requests_are_on_further_pages(requests, ecr, browser, monkeypatch):
    monkeypatch.setattr("ecr_emulator.console.recent_requests.PER_PAGE", 2)
    for name in ("aa", "bb", "cc"):
        ecr.create_repository(repositoryName=name)
    ecr.describe_registry()
    page = requests()
    assert page.text.count("CreateRepository") == 1
    assert browser.open(page.link("Next page")).text.count("CreateRepository") == 2


# --- Tasks ---------------------------------------------------------------------------------------------------------


def test_waiting_tasks_are_shown_with_their_times(browser, ecr, emulator):
    emulator.clock.freeze()
    ecr.create_repository(repositoryName="team/app")
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=policy(keep()))
    page = browser.open("activity/tasks")
    due = emulator.clock.now() + timedelta(days=1)
    assert f"Evaluate the lifecycle policy team/app {due:%Y-%m-%d %H:%M:%S} in 1 day" in page.text
    assert "End abandoned uploads and remove blobs that no image references all" in page.text


def test_tasks_have_pages(browser, ecr, monkeypatch):
    monkeypatch.setattr("ecr_emulator.console.task_list.PER_PAGE", 2)
    for name in ("aa", "bb", "cc"):
        ecr.create_repository(repositoryName=name)
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy(keep()))
    first = browser.open("activity/tasks")
    second = browser.open(first.link("Next page"))
    assert "Evaluate the lifecycle policy aa" in first.text
    assert "Evaluate the lifecycle policy bb" in second.text
    assert "Evaluate the lifecycle policy cc" in second.text
    assert "Next page" not in second.text
