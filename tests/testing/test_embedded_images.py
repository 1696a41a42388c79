"""``push_image``, ``pull``, ``registry`` and ``events``: images are made, pushed, pulled and checked in process."""

import os
from urllib.request import Request, urlopen

import pytest

from ecr_emulator import EcrEmulator
from ecr_emulator.seeds.client import CallRefused
from ecr_emulator.seeds.pulls import DamagedImage
from ecr_emulator.testing.running import RunningEcrEmulator

SBOM = "application/spdx+json"


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _empty(emulator):
    emulator.reset()


def test_an_image_is_pushed_and_pulled(emulator):
    pushed = emulator.push_image("team/app", "1.0", layers=3, size=30_000)
    pulled = emulator.pull("team/app:1.0")
    assert pulled.digest == pushed.digest == emulator.pull(pushed.reference).digest
    assert len(pulled.manifest["layers"]) == 3
    assert 30_000 <= sum(layer["size"] for layer in pulled.manifest["layers"]) < pulled.size < 33_000
    (found,) = emulator.client("ecr").describe_images(repositoryName="team/app")["imageDetails"]
    assert (found["imageTags"], found["imageDigest"]) == (["1.0"], pushed.digest)


def test_a_size_may_have_a_unit(emulator):
    emulator.push_image("team/app", "1.0", size="1.5MB")
    assert 1_500_000 <= emulator.pull("team/app:1.0").size < 1_502_000


def test_an_image_of_several_platforms_with_referrers(emulator):
    pushed = emulator.push_image("team/app", "1.0", platforms=["linux/amd64", "linux/arm/v7"], referrers=[SBOM])
    pulled = emulator.pull("team/app:1.0")
    assert pulled.platforms == tuple(pushed.platforms) == ("linux/amd64", "linux/arm/v7")
    assert pulled.manifests.keys() == {pushed.digest, *pushed.platforms.values()}
    found = emulator.client("ecr").list_image_referrers(
        repositoryName="team/app", subjectId={"imageDigest": pushed.digest}
    )
    assert [each["digest"] for each in found["referrers"]] == [pushed.referrers[SBOM]]


def test_a_repository_that_exists_keeps_its_settings(emulator):
    ecr = emulator.client("ecr")
    made = ecr.create_repository(repositoryName="team/app", imageTagMutability="IMMUTABLE")["repository"]
    emulator.push_image(made["repositoryUri"], "1.0")
    with pytest.raises(CallRefused) as refused:
        emulator.push_image("team/app", "1.0", size=9_999)
    assert refused.value.code == "TAG_INVALID"
    assert "immutable" in str(refused.value)


def test_other_accounts_and_regions_by_argument_and_by_name(emulator):
    pushed = emulator.push_image("team/app", account="111111111111", region="eu-west-1")
    host = "111111111111.dkr.ecr.eu-west-1.amazonaws.com"
    assert emulator.pull(f"{host}/team/app").digest == pushed.digest
    assert emulator.pull("team/app:latest", account="111111111111", region="eu-west-1").digest == pushed.digest
    with pytest.raises(CallRefused, match="NAME_UNKNOWN"):
        emulator.pull("team/app")


def test_an_image_without_a_tag(emulator):
    pushed = emulator.push_image("team/app", None)
    assert emulator.pull(pushed.reference).digest == pushed.digest
    (found,) = emulator.client("ecr").describe_images(repositoryName="team/app")["imageDetails"]
    assert "imageTags" not in found


def test_damage_is_noticed(emulator):
    emulator.push_image("team/app", "1.0")
    (layer,) = emulator.pull("team/app:1.0").manifest["layers"]
    (blob,) = emulator._emulator.data_dir.glob(f"blobs/*/*/{layer['digest'].partition(':')[2]}")
    times = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(b"\0" * layer["size"])
    os.utime(blob, ns=(times.st_atime_ns, times.st_mtime_ns))  # the registry itself would notice a new time
    with pytest.raises(DamagedImage, match=f"{layer['digest']} of .*/team/app has the digest sha256:"):
        emulator.pull("team/app:1.0")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "team/app:1.0"}, "'team/app:1.0' is more than a repository; the tag is an argument of its own"),
        ({"name": "Team"}, "'Team' is not a repository name; an image is written like docker-hub/library/nginx:1.27"),
        ({"name": "team/app", "referrers": SBOM}, f"referrers is a list of artifact types, like ['{SBOM}']"),
        ({"name": "team/app", "platforms": ["amd64"]}, "a platform is like linux/amd64 or linux/arm/v7, not 'amd64'"),
    ],
)
def test_wrong_arguments_are_refused_with_a_sentence_and_make_nothing(emulator, arguments, sentence):
    with pytest.raises(ValueError) as refused:
        emulator.push_image(**arguments)
    assert str(refused.value) == sentence
    assert emulator.client("ecr").describe_repositories()["repositories"] == []


def test_a_registry_client_logs_in_with_the_docker_config(emulator):
    pushed = emulator.push_image("team/app", "1.0", account="111111111111")
    registry = emulator.registry_of(account="111111111111")
    auth = registry.docker_config()["auths"][registry.address]["auth"]
    request = Request(
        f"http://{registry.address}/v2/team/app/manifests/1.0", headers={"Authorization": f"Basic {auth}"}
    )
    with urlopen(request, timeout=30) as answer:
        assert answer.headers["Docker-Content-Digest"] == pushed.digest
    assert registry.user == "AWS"


def test_events_that_were_removed_are_counted(emulator):
    log = emulator.events.from_now_on()
    emulator.push_image("team/app", "1.0")
    assert (len(log), log.missed) == (1, 0)
    emulator.reset()
    assert (len(log), log.missed) == (0, 1)
    emulator.push_image("team/app", "1.1")
    assert (len(log), log.missed, emulator.events.from_now_on().missed) == (1, 1, 0)


def test_events_tell_of_pushes(emulator):
    log = emulator.events.from_now_on()
    pushed = emulator.push_image("team/app", "1.0")
    emulator.client("ecr").batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "1.0"}])
    push, deletion = log.of_type("ECR Image Action")
    assert push["detail"]["image-digest"] == pushed.digest
    assert [event["detail"]["action-type"] for event in log] == ["PUSH", "DELETE"]
    assert (log[-1], log[:1]) == (deletion, [push])


def test_the_endpoints_of_an_emulator_with_a_token_are_reached():
    with EcrEmulator(admin_token="secret-of-the-admin") as emulator:
        emulator.push_image("team/app")
        assert len(emulator.events) == 1


def test_everything_works_at_a_running_emulator_too(emulator):
    with RunningEcrEmulator(emulator.endpoint_url) as running:
        pushed = running.push_image("team/app", "1.0", size=3_000_000, referrers=[SBOM])
        assert running.pull("team/app:1.0").digest == pushed.digest
        assert [event["account"] for event in running.events] == [running.account] * len(running.events) != []
        running.clock.freeze()
        before = running.clock.now()
        assert running.clock.advance("1h") < running.clock.set(before.replace(year=before.year + 1))
        with pytest.raises(ValueError, match="the time needs a time zone"):
            running.clock.set(before.replace(tzinfo=None))
        running.clock.follow_machine()
        account = running.account
    with pytest.raises(CallRefused, match="NAME_UNKNOWN"):
        emulator.pull("team/app:1.0", account=account)
