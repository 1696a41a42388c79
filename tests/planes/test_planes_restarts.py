"""A restart after a move of the clock: time continues from where it was, for everything that has a date."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.system import SystemClock
from ecr_emulator.testing.upstream.images import layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.docker import Docker, refusal
from tests.support.images import an_image

APP = "team/app"
BLOB = layer("loose", 1_000)
AHEAD = timedelta(days=100)


@pytest.fixture
def start(tmp_path):
    """Return a function that starts an emulator on the same directory, after stopping or killing the earlier one.

    The emulator uses the clock of the machine.
    """
    running = []

    def started(*, killed=False, **settings):
        if running:
            emulator = running.pop()
            if killed:
                emulator._store.remember_end = lambda _: None
            emulator.close()
        emulator = Emulator(Settings(data_dir=tmp_path / "state", **settings))
        running.append(emulator)
        return Docker(emulator)

    yield started
    for emulator in running:
        emulator.close()


def move(docker, by):
    answer = docker.http.post("/_ecr/clock", json={"advance": str(int(by.total_seconds()))})
    assert answer.status_code == 200, answer.text
    docker.log_in()


def days_ahead(docker):
    return round((docker.emulator.clock.now() - SystemClock().now()) / timedelta(days=1))


@pytest.fixture(params=["stopped", "killed"])
def restart(request, start):
    def restarted(**settings):
        return start(killed=request.param == "killed", **settings)

    return restarted


def test_time_does_not_go_back(start, restart):
    move(start(), AHEAD)
    docker = restart()
    assert days_ahead(docker) == 100
    docker.http.post("/_ecr/reset", json={})
    assert days_ahead(restart()) == 100


def test_an_unmoved_clock_shows_the_time_of_the_machine(start, restart):
    start()
    assert days_ahead(restart()) == 0


def test_blobs_and_uploads_from_before_a_restart_are_collected_in_time(start, restart):
    docker = start()
    move(docker, AHEAD)
    docker.ecr.create_repository(repositoryName=APP)
    docker.push_blob(BLOB)
    upload = docker.begin()
    docker = restart()
    move(docker, timedelta(hours=49))
    assert refusal(docker.get(f"/v2/{APP}/blobs/{BLOB.digest}"))[:2] == (404, "BLOB_UNKNOWN")
    assert refusal(docker.get(upload))[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_garbage_is_collected_after_the_clock_was_ahead_without_a_move(start, restart):
    """Simulate a machine whose clock was ahead and was then corrected."""
    docker = start()
    docker.emulator.clock.advance(AHEAD)
    docker.log_in()
    docker.ecr.create_repository(repositoryName=APP)
    docker.push_blob(BLOB)
    docker = restart()
    assert docker.http.post("/_ecr/gc", json={"grace": "1h"}).json["layers"] == 0
    move(docker, timedelta(hours=2))
    assert docker.http.post("/_ecr/gc", json={"grace": "1h"}).json["layers"] == 1


def test_the_next_daily_collection_is_within_a_day(start, restart):
    docker = start()
    docker.emulator.clock.advance(AHEAD)
    docker.log_in()
    docker = restart()
    assert docker.emulator.services.store.next_due - docker.emulator.clock.now() <= timedelta(days=1)


def test_a_login_is_valid_for_twelve_hours(start, restart):
    docker = start()
    docker.ecr.create_repository(repositoryName=APP)
    move(docker, AHEAD)
    token = docker.token
    docker = restart()
    docker.token = token
    assert docker.get(f"/v2/{APP}/tags/list").status_code == 200
    docker.http.post("/_ecr/clock", json={"advance": "12h"})
    assert docker.get(f"/v2/{APP}/tags/list").status_code == 403  # the answer of ECR to an expired token


def test_a_lifecycle_policy_is_evaluated_within_a_day(start, restart):
    docker = start()
    move(docker, AHEAD)
    docker.ecr.create_repository(repositoryName=APP)
    docker.push(an_image(), "v1")
    rule = '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "sinceImagePushed",'
    rule += ' "countUnit": "days", "countNumber": 1}, "action": {"type": "expire"}}]}'
    docker.ecr.put_lifecycle_policy(repositoryName=APP, lifecyclePolicyText=rule)
    docker = restart()
    move(docker, timedelta(hours=49))
    assert docker.ecr.describe_images(repositoryName=APP)["imageDetails"] == []


def test_a_cached_tag_is_checked_again_within_a_day(start, restart):
    with ScriptedUpstream() as upstream:
        old, new = an_image(1), an_image(2)
        upstream.add_image(APP, old, "v1")
        settings = {"upstream_map": {"quay.io": upstream.url}}
        docker = start(**settings)
        move(docker, AHEAD)
        docker.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        assert docker.get(f"/v2/quay/{APP}/manifests/v1").data == old.raw
        assert docker.emulator.settle(20)
        upstream.add_image(APP, new, "v1")
        docker = restart(**settings)
        assert docker.get(f"/v2/quay/{APP}/manifests/v1").data == old.raw
        move(docker, timedelta(hours=25))
        docker.get(f"/v2/quay/{APP}/manifests/v1")
        assert docker.emulator.settle(20)
        assert docker.get(f"/v2/quay/{APP}/manifests/v1").data == new.raw
