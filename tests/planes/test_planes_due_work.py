"""Long work that is due in one repository: requests for others do not wait for it, and nobody sees it half done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from ecr_emulator.domain.manifest import OCI_MANIFEST
from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.replication import DOCUMENT as REPLICATION
from ecr_emulator.domain.repository import Repository
from ecr_emulator.services.background import Outcome
from ecr_emulator.services.garbage_collection import FORGET
from ecr_emulator.services.lifecycle import EVALUATE, cancel_evaluation, schedule_evaluation
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.docker import Docker
from tests.support.due_work import ACCOUNT, by_hand, due, running, take_step
from tests.support.images import an_image, put_image
from tests.support.storage import NOW, store_manifest

LARGE, SMALL = "team/large", "team/small"
IMAGES = 7
EXPIRE = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}
KEEP_THREE = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3}
DESTINATION = {"region": "eu-west-1", "registryId": ACCOUNT}


def policy(selection):
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]})


def manifest(number):
    config = an_image().config.descriptor
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [], "number": number}
    return json.dumps(document).encode()


def fill(docker, selection=EXPIRE):
    """Make a repository with many images, whose policy is evaluated in a day, and one with a single image."""
    docker.ecr.create_repository(repositoryName=SMALL)
    put_image(docker.ecr, SMALL, an_image(), "v1")
    docker.ecr.create_repository(repositoryName=LARGE)
    registry = docker.emulator.services.home
    with docker.emulator.services.store.writing() as work:
        repository = work.repositories.get(registry, LARGE)
        for number in range(IMAGES):
            store_manifest(work, repository, manifest(number), *(["kept"] if number == 0 else []))
        work.tasks.remove(FORGET)
    docker.emulator.clock.advance(timedelta(hours=1))
    docker.ecr.put_lifecycle_policy(repositoryName=LARGE, lifecyclePolicyText=policy(selection))


def is_in_progress(docker):
    """Whether the evaluation has begun and not ended."""
    registry = docker.emulator.services.home
    with docker.emulator.services.store.reading() as work:
        task = work.tasks.find(f"{EVALUATE} {registry.arn(LARGE)}")
    return task is not None and "progress" in task.arguments


def number_left(docker):
    with docker.emulator.services.store.reading() as work:
        return work.images.count(work.repositories.get(docker.emulator.services.home, LARGE))


@pytest.fixture(scope="module")
def shared():
    with by_hand() as docker:
        yield docker


@pytest.fixture
def docker(shared):
    """Return an emulator with an evaluation that is due, and nothing else."""
    shared.emulator.reset()
    fill(shared)
    due(shared)
    return shared


def pull(docker, name=SMALL, reference="v1"):
    return docker.http.get(f"/v2/{name}/manifests/{reference}").status_code


def describe(docker):
    return len(docker.ecr.describe_images(repositoryName=SMALL)["imageDetails"])


def list_repositories(docker):
    return len(docker.ecr.describe_repositories()["repositories"])


def catalog(docker):
    return len(docker.http.get("/v2/_catalog").json["repositories"])


def token(docker):
    return len(docker.ecr.get_authorization_token()["authorizationData"])


def health(docker):
    return docker.http.get("/_ecr/health").json["status"]


def create(docker):
    return docker.ecr.create_repository(repositoryName="team/new")["repository"]["repositoryName"]


OTHERS = {
    pull: 200, describe: 1, list_repositories: 2, catalog: 2, token: 1, health: "ok", create: "team/new",
}  # fmt: skip


@pytest.mark.parametrize("ask", OTHERS, ids=lambda ask: ask.__name__)
def test_a_request_for_something_else_waits_for_a_step_at_most(docker, ask):
    assert ask(docker) == OTHERS[ask]
    assert number_left(docker) == IMAGES
    assert take_step(docker) is Outcome.PART


def look_through_the_api(docker):
    return len(docker.ecr.list_images(repositoryName=LARGE)["imageIds"])


def look_through_the_registry(docker):
    with docker.emulator.services.store.reading() as work:
        images = work.images.page(work.repositories.get(docker.emulator.services.home, LARGE), "", IMAGES)
    return sum(pull(docker, LARGE, image.digest) == 200 for image in images)


def look_at_the_events(docker):
    docker.http.get("/_ecr/events")
    return number_left(docker)


def look_at_the_evaluation(docker):
    answer = docker.ecr.get_lifecycle_policy(repositoryName=LARGE)
    assert answer["lastEvaluatedAt"] == docker.emulator.clock.now()
    return number_left(docker)


def look_after_a_change_of_the_registry(docker):
    docker.ecr.put_replication_configuration(replicationConfiguration={"rules": []})
    return number_left(docker)


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize(
    "look",
    [
        look_through_the_api,
        look_through_the_registry,
        look_at_the_events,
        look_at_the_evaluation,
        look_after_a_change_of_the_registry,
    ],
)
def test_a_request_for_the_repository_finds_everything_done(docker, look, steps):
    for _ in range(steps):
        take_step(docker)
    assert look(docker) == 1
    assert not is_in_progress(docker)


def test_two_requests_together_do_everything_once(docker):
    events = []
    docker.emulator.services.store.at_commit(events.extend)
    together = Barrier(3)

    def look():
        together.wait()
        assert look_through_the_api(docker) == 1

    threads = [Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deleted = [event.detail["image-digest"] for event in events]
    assert len(deleted) == len(set(deleted)) == IMAGES - 1


def test_a_thread_does_the_rest_beside_requests():
    with running() as emulator:
        docker = Docker(emulator, ACCOUNT)
        fill(docker)
        due(docker)
        assert pull(docker) == 200
        thread = emulator.services.due_work._thread
        with thread._changed:
            assert thread._changed.wait_for(lambda: not thread.is_running, 60)
        assert number_left(docker) == 1
        assert not is_in_progress(docker)


def test_work_goes_on_after_a_restart(tmp_path):
    clock = FrozenClock()
    with by_hand(tmp_path / "state", clock) as docker:
        fill(docker)
        due(docker)
        for _ in range(4):
            take_step(docker)
        assert is_in_progress(docker)
        assert 1 < number_left(docker) < IMAGES
    with by_hand(tmp_path / "state", clock) as docker:
        assert is_in_progress(docker)
        assert pull(docker) == 200
        assert look_through_the_api(docker) == 1


def test_remembered_answers_of_other_repositories_are_given_meanwhile(docker):
    for _ in range(2):
        pull(docker)
    take_step(docker)
    assert is_in_progress(docker)
    assert is_remembered(docker, SMALL, "v1")
    assert is_in_progress(docker)


def test_a_remembered_answer_is_not_given_while_work_is_due_for_it():
    with by_hand() as docker:
        fill(docker)
        for _ in range(2):
            pull(docker, LARGE, "kept")
        assert is_remembered(docker, LARGE, "kept")
        with docker.emulator.services.store.writing() as work:
            work.tasks.hasten(EVALUATE, docker.emulator.clock.now())
        assert not is_remembered(docker, LARGE, "kept")
        assert not is_in_progress(docker)


def is_remembered(docker, name, reference):
    before = docker.emulator.remembered_answers.given
    assert pull(docker, name, reference) == 200
    return docker.emulator.remembered_answers.given > before


def change(docker, how):
    """Let a request that began before the evaluation was due change the repository now."""
    with docker.emulator.services.store.writing() as work:
        return how(work, work.repositories.get(docker.emulator.services.home, LARGE))


def arrive(work, repository):
    return [store_manifest(work, repository, manifest(number)).digest for number in range(100, 106)]


def tag_all(work, repository):
    for number, image in enumerate(work.images.page(repository, "", IMAGES)):
        work.tags.put(repository, f"late-{number}", image, NOW)


def put_milder_policy(work, repository):
    work.repositories.save(replace(repository, lifecycle_policy=policy(EXPIRE | {"countNumber": 1_000})))
    schedule_evaluation(work, repository, NOW)


def delete_policy(work, repository):
    work.repositories.save(replace(repository, lifecycle_policy=None))
    cancel_evaluation(work, repository)


def test_images_that_arrive_during_an_evaluation_are_left_to_the_next(docker):
    take_step(docker)
    arrived = change(docker, arrive)
    assert look_through_the_api(docker) == 1 + len(arrived)
    docker.emulator.clock.advance(timedelta(hours=24))
    assert look_through_the_api(docker) == 1


def test_images_that_arrive_during_an_evaluation_do_not_count(shared):
    shared.emulator.reset()
    fill(shared, KEEP_THREE)
    due(shared)
    take_step(shared)
    arrived = change(shared, arrive)
    assert look_through_the_api(shared) == 1 + 3 + len(arrived)


def test_an_image_that_is_deleted_during_an_evaluation_is_not_deleted_twice(docker, caplog):
    for _ in range(4):
        take_step(docker)
    events = []
    docker.emulator.services.store.at_commit(events.extend)
    gone = change(docker, lambda work, repository: work.images.page(repository, "", IMAGES)[-1])
    change(docker, lambda work, repository: work.images.remove(repository, gone))
    assert look_through_the_api(docker) in (0, 1)
    assert gone.digest not in [event.detail["image-digest"] for event in events]
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("how", [tag_all, put_milder_policy, delete_policy], ids=lambda how: how.__name__)
def test_images_stay_if_the_policy_does_not_concern_them_any_more(docker, how):
    for _ in range(5):
        take_step(docker)
    left = number_left(docker)
    assert 1 < left < IMAGES
    change(docker, how)
    look_through_the_api(docker)
    assert number_left(docker) == left
    assert not is_in_progress(docker)


def test_a_replica_waits_for_the_evaluation_whose_deletions_are_replicated(docker):
    rule = {"destinations": [DESTINATION], "deleteReplication": {"enabled": True}}
    ecr = client_of(docker.emulator, account=ACCOUNT, region=DESTINATION["region"])
    services = docker.emulator.services
    with services.store.writing() as work:
        work.registry_documents.put(services.home, REPLICATION, {"rules": [rule]})
        source = work.repositories.get(services.home, LARGE)
        replica = work.repositories.add(Repository(Registry(ACCOUNT, DESTINATION["region"]), LARGE, NOW))
        for image in work.images.page(source, "", IMAGES):
            store_manifest(work, replica, work.images.manifest(image).raw, *image.tags)
    assert len(ecr.list_images(repositoryName=LARGE)["imageIds"]) == 1
