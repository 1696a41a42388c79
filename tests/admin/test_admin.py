"""The emulator's own endpoints."""

import json
from datetime import datetime, timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.images import an_image, put_image


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


@pytest.mark.parametrize("path", ["/_ecr/health", "/_localstack/health"])
def test_health_reports_a_running_emulator(http, path):
    answer = http.get(path)
    assert (answer.status_code, answer.json["status"], answer.json["services"]) == (200, "ok", {"ecr": "running"})


def test_ready_reports_a_ready_emulator(http):
    assert http.get("/_ecr/ready").json == {"status": "ready"}


def test_the_start_page_shows_the_variables_to_export(http):
    answer = http.get("/")
    assert answer.status_code == 200
    assert "export AWS_ENDPOINT_URL=http://localhost AWS_DEFAULT_REGION=us-east-1\n" in answer.text
    assert "export AWS_ACCESS_KEY_ID=000000000000 AWS_SECRET_ACCESS_KEY=any\n" in answer.text


def test_the_clock_moves_forward(http):
    before = datetime.fromisoformat(http.get("/_ecr/clock").json["now"])
    moved = datetime.fromisoformat(http.post("/_ecr/clock", json={"advance": "1d12h"}).json["now"])
    assert timedelta(hours=36) <= moved - before < timedelta(hours=37)


@pytest.mark.parametrize("body", [{}, {"advance": "soon"}, {"advance": None}, {"advance": -5}, [], "24h"])
def test_an_invalid_move_of_the_clock_is_refused_with_an_example(http, body):
    answer = http.post("/_ecr/clock", json=body)
    assert answer.status_code == 400
    assert '{"advance": "24h"}' in answer.json["error"]


@pytest.mark.parametrize("path", ["clock", "gc", "refresh", "pull"])
def test_a_form_is_refused_with_the_content_type_to_send(http, path):
    answer = http.post(f"/_ecr/{path}", data='{"advance": "25h"}', content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json["error"]


def test_events_can_be_followed(emulator, http):
    ecr = client_of(emulator)
    assert http.get("/_ecr/events").json == {"events": [], "last": 0, "missed": 0}
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(), "v1")
    first = http.get("/_ecr/events").json
    assert [event["detail"]["action-type"] for event in first["events"]] == ["PUSH"]
    assert http.get(f"/_ecr/events?after={first['last']}").json == {"events": [], "last": first["last"], "missed": 0}
    assert http.get("/_ecr/events?after=x").status_code == 400


def test_a_reader_of_events_gets_the_number_of_missed_events(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(1), "v1")
    first = http.get("/_ecr/events").json
    assert (len(first["events"]), first["missed"]) == (1, 0)
    put_image(ecr, "app", an_image(2), "v2")
    emulator.reset()
    emptied = http.get(f"/_ecr/events?after={first['last']}").json
    assert emptied == {"events": [], "last": first["last"] + 1, "missed": 1}
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(3), "v3")
    later = http.get(f"/_ecr/events?after={first['last']}").json
    assert ([event["detail"]["image-tag"] for event in later["events"]], later["missed"]) == (["v3"], 1)


def test_a_reader_may_begin_with_the_newest_event(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(1), "v1")
    now = http.get("/_ecr/events?after=now").json
    assert now == {"events": [], "last": 1, "missed": 0}
    put_image(ecr, "app", an_image(2), "v2")
    later = http.get(f"/_ecr/events?after={now['last']}").json
    assert [event["detail"]["image-tag"] for event in later["events"]] == ["v2"]
    assert http.get("/_ecr/events?after=100").json == {"events": [], "last": 100, "missed": 0}


def test_the_log_keeps_as_many_events_as_the_setting_says():
    with Emulator(Settings(event_log_size=2)) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="app")
        for number in range(4):
            put_image(ecr, "app", an_image(number), f"v{number}")
        answer = AdminClient(emulator.wsgi).get("/_ecr/events").json
    assert ([event["detail"]["image-tag"] for event in answer["events"]], answer["missed"]) == (["v2", "v3"], 2)


def test_lifecycle_policies_are_evaluated_on_request(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    put_image(ecr, "app", an_image(1))
    assert http.post("/_ecr/lifecycle", json={}).json == {"evaluated": 0}
    selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    newest = put_image(ecr, "app", an_image(2))
    assert http.post("/_ecr/lifecycle", json={}).json == {"evaluated": 1}
    assert ecr.list_images(repositoryName="app")["imageIds"] == [{"imageDigest": newest}]


def test_reset_removes_everything_except_logins(emulator, http):
    ecr = client_of(emulator)
    ecr.create_repository(repositoryName="app")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert http.post("/_ecr/reset", json={}).json == {"status": "empty"}
    assert ecr.describe_repositories()["repositories"] == []
    assert http.get("/v2/", headers={"Authorization": f"Basic {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/_ecr/nope", 404, "There is no such address; GET / lists all addresses"),
        ("GET", "/_ecr/reset", 405, "This address takes POST only"),
        ("PATCH", "/_ecr/findings/*", 405, "This address takes DELETE, GET, PUT only"),
    ],
)
def test_unknown_addresses_and_methods_are_refused_in_json(http, method, path, status, words):
    answer = http.open(path, method=method)
    assert (answer.status_code, answer.json) == (status, {"error": f"{method} {path}: {words}"})
