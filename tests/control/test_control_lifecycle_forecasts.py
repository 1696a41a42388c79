"""Forecasts of lifecycle policies: what they foretell happens when the clock moves."""

from datetime import timedelta

import pytest

from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services import lifecycle_forecasts
from ecr_emulator.services.lifecycle_forecasts import LifecycleForecasts
from tests.support.images import an_image, an_index, put_image, put_manifest
from tests.support.lifecycle import DAY, NAME, TRANSITION, after, keep, policy, push, put

DEEDS = {"DELETE": "expire", "UPDATE_STORAGE_CLASS": "transition"}
VERSIONS = {"tagStatus": "tagged", "tagPrefixList": ["v"]}
ARCHIVED = {"storageClass": "archive"}


@pytest.fixture(autouse=True)
def repository(ecr):
    ecr.create_repository(repositoryName=NAME)


@pytest.fixture
def forecast(services, clock):
    """Return a function that forecasts what some rules will do."""

    def told(*rules):
        forecasts = LifecycleForecasts(services.store, services.background, lambda *_: set())
        with services.store.reading() as work:
            repository = work.repositories.get(services.home, NAME)
        return forecasts.forecast(repository, policy(*rules), clock.now())

    return told


@pytest.fixture
def happened(services, clock):
    """Return a function that lets days pass, and returns what the policy has done then: times, digests and deeds."""

    def happen(days):
        services.background.catch_up(clock.advance(days * DAY))
        with services.store.reading() as work:
            events = [event for event in work.events.after(0, 1_000) if event.detail["action-type"] in DEEDS]
        return {(event.time, event.detail["image-digest"], DEEDS[event.detail["action-type"]]) for event in events}

    return happen


def foretold(forecast):
    assert forecast.is_complete
    times = [each.at for each in forecast.actions]
    assert times == sorted(times)
    return {(each.at, each.image.digest, each.rule.action) for each in forecast.actions}


@pytest.mark.parametrize(
    "rules",
    [
        [keep(2)],
        [after(10)],
        [after(5, tagStatus="untagged"), keep(1, priority=2, **VERSIONS)],
        [after(30, **VERSIONS), keep(1, priority=2)],
        [after(20, "Pulled", action=TRANSITION), after(90, "Transitioned", priority=2, **ARCHIVED)],
        [keep(3, action=TRANSITION), after(100, "Transitioned", priority=2, **ARCHIVED)],
    ],
    ids=["count", "age", "untagged and count", "age and count", "archive and expire", "archive by count"],
)
def test_what_is_foretold_happens(ecr, clock, forecast, happened, rules):
    for number in range(4):
        push(ecr, clock, number, *([f"v{number}"] if number % 2 else []))
        clock.advance(7 * DAY)
    put(ecr, *rules)
    told = foretold(forecast(*rules))
    assert len(told) >= 2
    assert happened(150) == told


def test_images_of_indexes_follow_them(ecr, clock, forecast, happened):
    children = [an_image("amd64"), an_image("arm64")]
    for child in children:
        put_image(ecr, NAME, child)
    put_manifest(ecr, NAME, an_index(*children).raw, "v1")
    put(ecr, after(1))
    told = foretold(forecast(after(1)))
    assert sorted(at - clock.now() for at, _, _ in told) == [2 * DAY, 3 * DAY, 3 * DAY]
    assert happened(10) == told


@pytest.mark.parametrize("rule", [after(1), after(1, "Pulled", action=TRANSITION)], ids=["expire", "archive"])
def test_referrers_go_with_their_subject(ecr, clock, forecast, happened, rule):
    subject = an_image("subject")
    put_image(ecr, NAME, subject, "v1")
    signature = an_image("signature", subject=subject.descriptor)
    put_image(ecr, NAME, signature)
    put_image(ecr, NAME, an_image("of signature", subject=signature.descriptor))
    put(ecr, rule)
    told = foretold(forecast(rule))
    assert len(told) == 3
    assert happened(3) == told


def test_a_policy_that_is_not_put_yet_is_evaluated_in_a_day(ecr, clock, forecast):
    push(ecr, clock, 1)
    push(ecr, clock, 2)
    (expiry,) = forecast(keep(1)).actions
    assert expiry.at == clock.now() + DAY
    put(ecr, after(365))
    clock.advance(timedelta(hours=5))
    (expiry,) = forecast(keep(1)).actions
    assert expiry.at == clock.now() + timedelta(hours=19)  # the evaluation of the policy that it would replace


def test_a_policy_that_never_acts_has_an_empty_forecast(ecr, clock, forecast):
    push(ecr, clock, 1)
    assert forecast(keep(1)) == ([], True)


def test_a_forecast_ends_after_a_number_of_evaluations(ecr, clock, forecast, monkeypatch):
    monkeypatch.setattr(lifecycle_forecasts, "MOST_EVALUATIONS", 2)
    for number in range(4):
        push(ecr, clock, number)
        clock.advance(DAY)
    told = forecast(after(10))
    assert (len(told.actions), told.is_complete) == (2, False)


def test_a_repository_with_too_many_images_has_no_forecast(ecr, clock, forecast, monkeypatch):
    monkeypatch.setattr(lifecycle_forecasts, "MOST_IMAGES", 1)
    push(ecr, clock, 1)
    assert forecast(keep(1)) is not None
    push(ecr, clock, 2)
    assert forecast(keep(1)) is None


def test_a_policy_that_ecr_refuses_is_refused(forecast):
    with pytest.raises(InvalidParameterException, match="Duplicate priority in multiple rules"):
        forecast(keep(1, **VERSIONS), after(3))
