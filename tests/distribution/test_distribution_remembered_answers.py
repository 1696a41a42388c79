"""Answers to pulls are remembered, and nobody can tell: each change is seen by the very next pull."""

import base64
import json
import logging
from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.remembered_answers import LOOK_AGAIN_AFTER, OVERHEAD, Rememberable, RememberedAnswers
from ecr_emulator.request_log import NOTE, RequestLog
from ecr_emulator.request_records import RequestRecords
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import layer
from tests.support.clock import FrozenClock
from tests.support.docker import Docker
from tests.support.images import an_image, put_manifest

TAG = "/v2/team/app/manifests/v1"
OLD, NEW = an_image(1), an_image(2)
BIG = an_image(3, layers=[(big := layer("big", 100_000)).descriptor])


@pytest.fixture
def emulator():
    with Emulator(Settings(), FrozenClock()) as running:
        yield running


@pytest.fixture
def docker(emulator):
    """A client of an emulator that remembers its answer to a pull of the tag."""
    docker = Docker(emulator)
    docker.ecr.create_repository(repositoryName="team/app")
    docker.push(NEW, "v2")
    docker.push(OLD, "v1")
    assert warmed(docker, TAG) == OLD.raw
    return docker


def given(docker):
    return docker.emulator.remembered_answers.given


def warmed(docker, path, headers=None):
    """Pull until the answer is a remembered one, and return its body."""
    for _ in range(3):
        before, answer = given(docker), docker.get(path, headers)
        if given(docker) > before:
            return answer.data
    raise AssertionError(f"the answer to {path} is not remembered")


def is_asked(docker, path=TAG, headers=None):
    """Whether the emulator looks for the answer to a pull instead of remembering it."""
    before = given(docker)
    docker.get(path, headers)
    return given(docker) == before


def digest(docker):
    answer = docker.get(TAG)
    return answer.headers.get("Docker-Content-Digest") or answer.status_code


def test_a_repeated_pull_is_answered_word_for_word(docker):
    first, second = docker.send("HEAD", TAG), docker.send("HEAD", TAG)
    third = docker.send("HEAD", TAG)
    assert first.headers == second.headers == third.headers
    blob = f"/v2/team/app/blobs/{OLD.blobs[0].digest}"
    assert warmed(docker, blob) == OLD.blobs[0].raw
    assert docker.get(blob).headers["Content-Length"] == str(len(OLD.blobs[0].raw))


CHANGES = {
    "tag moved by docker": (lambda d: d.put(NEW, "v1"), NEW.digest),
    "tag moved by PutImage": (lambda d: put_manifest(d.ecr, "team/app", NEW.raw, "v1"), NEW.digest),
    "tag removed": (lambda d: d.send("DELETE", TAG), 404),
    "image deleted": (
        lambda d: d.ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": OLD.digest}]),
        404,
    ),
    "image archived": (
        lambda d: d.ecr.update_image_storage_class(
            repositoryName="team/app", imageId={"imageDigest": OLD.digest}, targetStorageClass="ARCHIVE"
        ),
        404,
    ),
    "repository deleted": (lambda d: d.ecr.delete_repository(repositoryName="team/app", force=True), 404),
    "reset": (lambda d: d.emulator.reset(), 404),
    "reset of the account": (lambda d: d.emulator.reset("123456789012"), 404),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_next_pull_sees_a_change(docker, change):
    make, expected = CHANGES[change]
    make(docker)
    assert digest(docker) == expected


def test_a_repository_that_is_created_again_is_empty(docker):
    docker.ecr.delete_repository(repositoryName="team/app", force=True)
    docker.ecr.create_repository(repositoryName="team/app")
    assert digest(docker) == 404


def test_a_lifecycle_policy_that_is_due_runs_first():
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
        "action": {"type": "expire"},
    }
    with Emulator(Settings(registry_auth="open"), FrozenClock()) as emulator:
        docker = Docker(emulator, "000000000000")
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(OLD, "v1")
        docker.emulator.clock.advance(timedelta(hours=1))
        docker.ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=json.dumps({"rules": [rule]}))
        docker.emulator.clock.advance(timedelta(hours=23, minutes=59, seconds=30))
        for _ in range(3):
            assert docker.http.get(TAG).data == OLD.raw
        docker.emulator.clock.advance(timedelta(seconds=30))
        assert docker.http.get(TAG).status_code == 404


def test_a_restored_snapshot_is_what_pulls_see(docker):
    snapshot = docker.emulator.snapshots.take()
    docker.put(NEW, "v1")
    warmed(docker, TAG)
    docker.emulator.snapshots.restore(snapshot)
    assert digest(docker) == OLD.digest


def test_a_push_to_another_repository_changes_nothing(docker):
    docker.ecr.create_repository(repositoryName="team/other")
    docker.push(an_image(7), "v1", "team/other")
    assert not is_asked(docker)


def test_a_push_of_another_tag_changes_nothing(docker):
    docker.push(an_image(7), "v7")
    assert not is_asked(docker)
    assert docker.get("/v2/team/app/manifests/v7").data == an_image(7).raw


def test_each_minute_one_pull_is_recorded(docker):
    def recorded():
        (image,) = docker.ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["imageDetails"]
        return image["lastRecordedPullTime"]

    before = recorded()
    docker.emulator.clock.advance(timedelta(seconds=59))
    docker.get(TAG)
    assert recorded() == before
    docker.emulator.clock.advance(timedelta(seconds=1))
    docker.get(TAG)
    assert recorded() == before + timedelta(minutes=1)


def test_an_expired_token_is_refused(docker):
    path = f"/v2/team/app/blobs/{OLD.blobs[0].digest}"
    warmed(docker, path)
    docker.emulator.clock.advance(timedelta(hours=12))
    assert docker.get(path).status_code == 403


def test_other_credentials_get_their_own_answer(docker):
    for wrong in ("Basic " + base64.b64encode(b"AWS:wrong").decode(), f"Bearer {docker.token}", ""):
        assert docker.get(TAG, {"Authorization": wrong}).status_code == 401
    stranger = Docker(docker.emulator, account="999999999999")
    assert stranger.get(TAG).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": f'"{OLD.digest}"'}, 304),
        ({"If-Match": '"sha256:other"'}, 412),
        ({"Host": "999999999999.dkr.ecr.us-east-1.amazonaws.com"}, 404),
        ({"X-Forwarded-Host": "999999999999.dkr.ecr.us-east-1.amazonaws.com"}, 404),
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_headers_that_choose_an_answer_choose_it_still(docker, headers, status):
    assert docker.get(TAG, headers).status_code == status


def test_a_range_of_a_remembered_blob(docker):
    path = f"/v2/team/app/blobs/{OLD.blobs[0].digest}"
    warmed(docker, path)
    part = docker.get(path, {"Range": "bytes=1-2"})
    assert (part.status_code, part.data) == (206, OLD.blobs[0].raw[1:3])


def test_a_fault_hits_a_repeated_pull(docker):
    docker.emulator.faults.ecr.add({"target": "manifests", "fault": "unavailable"})
    assert docker.get(TAG).status_code == 503
    docker.emulator.faults.ecr.clear()
    assert digest(docker) == OLD.digest


def test_a_blob_is_read_again_if_its_file_was_damaged(docker):
    blob = OLD.blobs[1]
    path = f"/v2/team/app/blobs/{blob.digest}"
    warmed(docker, path)
    algorithm, _, name = blob.digest.partition(":")
    file = docker.emulator.data_dir / "blobs" / algorithm / name[:2] / name
    file.unlink()
    docker.emulator.clock.advance(timedelta(seconds=LOOK_AGAIN_AFTER))
    assert docker.get(path).status_code == 404


def test_a_manifest_of_four_megabytes(docker):
    large = an_image(4, annotations={"text": "x" * 4_000_000})
    docker.push(large, "large")
    assert warmed(docker, "/v2/team/app/manifests/large") == large.raw
    head = docker.send("HEAD", "/v2/team/app/manifests/large")
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(large.raw)))


def test_a_large_blob_is_read_from_its_file(docker):
    for blob in (*BIG.blobs, big):
        docker.push_blob(blob)
    docker.put(BIG, "big")
    path = f"/v2/team/app/blobs/{big.digest}"
    assert warmed(docker, path) == big.raw
    assert docker.send("HEAD", path).data == b""


def test_a_loose_blob_keeps_the_grace_of_those_who_ask_for_it(docker):
    blob = layer("loose", 50)
    docker.push_blob(blob)
    for _ in range(30):
        docker.emulator.clock.advance(timedelta(hours=6))
        docker.log_in()
        assert docker.get(f"/v2/team/app/blobs/{blob.digest}").status_code == 200


def test_a_policy_is_asked_each_time():
    with Emulator(Settings(iam="enforce"), FrozenClock()) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(OLD, "v1")
        for _ in range(3):
            assert is_asked(docker)


def test_the_log_has_a_line_for_each_remembered_answer(docker, caplog):
    docker.http.application = RequestLog(docker.emulator.wsgi)
    with caplog.at_level(logging.INFO, "ecr_emulator.requests"):
        docker.get(TAG)
    assert caplog.records[-1].facts | {"milliseconds": 0} == {
        "method": "GET", "path": TAG, "status": 200, "bytes": len(OLD.raw), "milliseconds": 0,
        "account": "123456789012", "region": "us-east-1", "repository": "team/app",
    }  # fmt: skip


class Always:
    """The validity of an answer that never changes."""

    def holds(self, now):
        return True


class Asking:
    """A client of an application whose answers may be remembered. ``capacity`` is a number of answers."""

    def __init__(self, about, capacity=10):
        self._about = about
        self.clock = FrozenClock()
        records = RequestRecords(CacheHistory(self.clock.now))
        self._answers = RememberedAnswers(self._answer, records, self.clock, lambda: True, capacity * OVERHEAD)

    def _answer(self, environ, start_response):
        start_response("200 OK", [("Content-Length", "0")])
        environ.update({NOTE: {}, "ecr_emulator.remember": self._about})
        return []

    def __call__(self, path="a"):
        before = self._answers.given
        list(self._answers({"REQUEST_METHOD": "GET", "PATH_INFO": path}, lambda *_: None))
        return "remembered" if self._answers.given > before else "asked"


def test_the_oldest_answers_are_forgotten_first_but_those_in_use_are_spared():
    ask = Asking(Rememberable(Always()), capacity=2)
    assert [ask(path) for path in ("a", "b", "a", "c", "a", "b")] == [
        "asked", "asked", "remembered", "asked", "remembered", "asked",
    ]  # fmt: skip


def test_stored_bytes_are_looked_at_once_in_a_while():
    looks = []
    ask = Asking(Rememberable(Always(), is_intact=lambda: looks.append("look") or len(looks) < 4))
    ask()
    for number in range(6):
        assert ask() == "remembered"
        assert len(looks) == number // 2 + 1
        ask.clock.advance(timedelta(seconds=0.6 * LOOK_AGAIN_AFTER))
    assert ask() == "asked"


def test_bytes_that_cannot_be_looked_at_are_asked_for():
    def is_intact():
        raise OSError("the storage is out of reach")

    ask = Asking(Rememberable(Always(), is_intact=is_intact))
    assert [ask() for _ in range(3)] == ["asked"] * 3
