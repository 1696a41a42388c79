"""``EcrEmulator.clock``: what time does to tokens and images, without waiting."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ecr_emulator import EcrEmulator


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture
def clock(emulator):
    yield emulator.clock
    emulator.clock.follow_machine()
    emulator.reset()


def created(emulator):
    return emulator.client("ecr").create_repository(repositoryName="team/app")["repository"]["createdAt"]


@pytest.mark.parametrize("by", [timedelta(days=30), "30d"])
def test_the_clock_moves_on(emulator, clock, by):
    before = clock.freeze()
    assert clock.advance(by) == before + timedelta(days=30)
    assert created(emulator) == clock.now()


def test_a_frozen_clock_stands_still_until_it_is_moved(emulator, clock):
    noon = datetime(2027, 1, 1, 12, tzinfo=UTC)
    assert clock.freeze(noon) == noon
    assert created(emulator) == clock.now() == noon
    assert clock.advance("1h") == clock.now() == datetime(2027, 1, 1, 13, tzinfo=UTC)
    assert clock.freeze() == clock.now()


def test_the_clock_goes_to_the_past_and_on_from_there(emulator, clock):
    clock.set(datetime(2020, 2, 29, tzinfo=UTC))
    assert created(emulator).date().isoformat() == "2020-02-29"
    first = clock.now()
    while clock.now() == first:
        pass
    assert clock.now() > first


def test_what_falls_due_on_the_way_is_done(emulator, clock):
    emulator.push_image("team/app", "1.0")
    ecr = emulator.client("ecr")
    selection = {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 10}
    policy = {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=json.dumps(policy))
    clock.advance("9d")
    assert len(ecr.list_images(repositoryName="team/app")["imageIds"]) == 1
    clock.set(clock.now() + timedelta(days=3))
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []


def test_the_clock_follows_the_machine_again(clock):
    clock.freeze(datetime(2027, 1, 1, tzinfo=UTC))
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert before < clock.follow_machine() <= datetime.now(UTC)


def test_wrong_times_are_refused_with_a_sentence_and_change_nothing(clock):
    before = clock.freeze()
    with pytest.raises(ValueError, match="the time needs a time zone"):
        clock.set(datetime(2027, 1, 1))  # noqa: DTZ001 - the mistake
    with pytest.raises(ValueError, match="advance moves forward"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="'soon' is not a length of time"):
        clock.advance("soon")
    with pytest.raises(ValueError, match="at most 3660 days"):
        clock.advance("4000d")
    assert clock.now() == before
