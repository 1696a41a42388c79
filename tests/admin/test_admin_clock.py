"""Moves of the clock: their limits, the daily work of long moves, and freezing and setting it."""

import json
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from ecr_emulator.emulator import Emulator
from tests.support.admin_api import AdminClient
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.images import an_image, put_image

DAILY = "evaluate-lifecycle-policy"


@pytest.fixture
def emulator():
    with Emulator(clock=FrozenClock()) as running:
        yield running


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


def advance(http, by):
    return http.post("/_ecr/clock", json={"advance": by})


@pytest.mark.parametrize("by", ["99999999d", "2800000d", "36500d", "3661d", "9" * 30, "9" * 5_000 + "h", f"{2**63}s"])
def test_a_move_that_is_too_far_is_refused_and_the_clock_stays(http, emulator, by):
    before = emulator.clock.now()
    answer = advance(http, by)
    assert answer.status_code == 400
    assert "moves at most 3660 days at a time" in answer.json["error"] or "longer than all time" in answer.json["error"]
    assert emulator.clock.now() == before
    assert client_of(emulator).describe_repositories()["repositories"] == []


def test_the_clock_ends_with_the_year_8999():
    clock = FrozenClock()
    clock.advance(datetime(8999, 12, 31, tzinfo=UTC) - clock.now())
    with Emulator(clock=clock) as emulator:
        http = AdminClient(emulator.wsgi)
        assert advance(http, "23h").status_code == 200
        answer = advance(http, "25h")
        assert (answer.status_code, "the clock ends with the year 8999" in answer.json["error"]) == (400, True)
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="app")
        put_image(ecr, "app", an_image(), "v1")
        assert ecr.get_authorization_token()["authorizationData"][0]["expiresAt"].year == 9000


def daily_policy(ecr):
    selection = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 4_000}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.create_repository(repositoryName="app")
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": [rule]}))


def test_daily_work_is_done_for_every_day_of_a_long_move(http, emulator, monkeypatch):
    daily_policy(client_of(emulator))
    days = []
    evaluate = emulator.services.background._kinds[DAILY]
    monkeypatch.setitem(
        emulator.services.background._kinds, DAILY, lambda *arguments: days.append(arguments[2]) or evaluate(*arguments)
    )
    start = emulator.clock.now()
    moved = advance(http, "30d12h").json["now"]
    assert datetime.fromisoformat(moved) == start + timedelta(days=30, hours=12)
    assert days == [start + timedelta(days=day) for day in range(1, 31)]


def test_requests_are_answered_while_the_clock_moves(http, emulator, monkeypatch):
    daily_policy(client_of(emulator))
    evaluate = emulator.services.background._kinds[DAILY]
    reached, go_on = Event(), Event()
    days = []

    def evaluate_and_wait(*arguments):
        evaluate(*arguments)
        days.append(arguments[2])
        if len(days) == 3:
            reached.set()
            assert go_on.wait(30)

    monkeypatch.setitem(emulator.services.background._kinds, DAILY, evaluate_and_wait)
    start = emulator.clock.now()
    mover = Thread(target=advance, args=(http, "10d"))
    mover.start()
    assert reached.wait(30)
    assert emulator.clock.now() == start + timedelta(days=3)
    go_on.set()
    mover.join()
    assert emulator.clock.now() == start + timedelta(days=10)
    assert len(days) == 10


@pytest.fixture
def real_time():
    with Emulator() as running:
        yield AdminClient(running.wsgi)


def move(http, **how):
    answer = http.post("/_ecr/clock", json=how)
    assert answer.status_code == 200, answer.json
    return datetime.fromisoformat(answer.json["now"])


def test_the_clock_is_frozen_set_forth_and_back_and_follows_the_machine_again(real_time):
    before = datetime.now(UTC) - timedelta(seconds=1)
    stopped = move(real_time, freeze=True)
    assert move(real_time, advance="1h") == stopped + timedelta(hours=1)
    assert move(real_time, set="2027-01-01T12:00:00Z") == datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert move(real_time, set="2020-01-01T13:00:00+01:00") == datetime(2020, 1, 1, 12, tzinfo=UTC)
    assert datetime.fromisoformat(real_time.get("/_ecr/clock").json["now"]) == datetime(2020, 1, 1, 12, tzinfo=UTC)
    assert before < move(real_time, follow_machine=True) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"set": "2030-01-01T00:00:00"}, "the time needs a time zone, as 2030-01-01T00:00:00+00:00 has"),
        ({"set": "tomorrow"}, "Invalid isoformat string: 'tomorrow'"),
        ({"set": "0001-01-01T00:00:00+14:00"}, "the clock begins with the year 1970"),
        ({"set": "9999-01-01T00:00:00Z"}, "the clock moves at most 3660 days at a time"),
        ({"freeze": False}, "exactly one of these is needed"),
        ({"freeze": True, "advance": "1h"}, "exactly one of these is needed"),
    ],
)
def test_an_invalid_time_is_refused_and_the_clock_stays(http, emulator, body, reason):
    before = emulator.clock.now()
    answer = http.post("/_ecr/clock", json=body)
    assert (answer.status_code, answer.json["error"].endswith(reason)) == (400, True)
    assert emulator.clock.now() == before
