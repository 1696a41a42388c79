"""Work that is due is done once, whichever nodes do it, also if one of them dies while it does it."""

import json
from collections import Counter
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread

import pytest
from werkzeug.test import Client

from ecr_emulator.services.background import Outcome
from ecr_emulator.services.lifecycle import EVALUATE, PREVIEW
from tests.support.boto import client_of
from tests.support.images import an_image, put_image
from tests.support.nodes import ACCOUNT

STEP = 2
"""A step of an evaluation or a preview takes so many images."""
IMAGES = 6
PATH = "/v2/team/app/manifests/v1"
KEEP_ONE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


def ecr_of(node):
    return client_of(node, "ecr", account=ACCOUNT)


def step(node):
    return node.services.background.step(node.clock.now())


@pytest.fixture
def registry(nodes):
    """Two nodes that take small steps, and a repository whose policy keeps one of its images."""
    for node in nodes.emulators:
        kinds = node.services.background._kinds
        kinds.update({kind: partial(kinds[kind], step=STEP) for kind in (EVALUATE, PREVIEW)})
        node.clock.freeze()
    ecr = ecr_of(nodes)
    ecr.create_repository(repositoryName="team/app")
    for number in range(IMAGES):
        put_image(ecr, "team/app", an_image(number), f"v{number}")
    ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=KEEP_ONE)
    return nodes


def a_day_passes(nodes):
    """Let a day pass by the clock alone, as real time does."""
    nodes.emulators[0].clock.advance(timedelta(hours=24))
    for node in nodes.emulators:
        node._store.catch_up()


def deletions(node):
    with node._store.reading() as work:
        events = work.events.after(0, 1_000)
    return Counter(event.detail["image-digest"] for event in events if event.detail.get("action-type") == "DELETE")


def test_nodes_that_step_at_the_same_time_do_each_step_once(registry):
    a_day_passes(registry)
    together, outcomes = Barrier(2), []

    def perform(node):
        together.wait()
        while (outcome := step(node)) is not Outcome.NOTHING:
            outcomes.append(outcome)

    threads = [Thread(target=perform, args=[node]) for node in registry.emulators]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [*deletions(registry.emulators[0]).values()] == [1] * (IMAGES - 1)


def test_each_node_continues_what_the_other_has_begun(registry):
    one, other = registry.emulators
    a_day_passes(registry)
    turns = 0
    while step((one, other)[turns % 2]) is not Outcome.NOTHING:
        turns += 1
    assert turns > IMAGES / STEP
    assert len(deletions(one)) == IMAGES - 1


def test_another_node_repeats_the_step_of_a_node_that_dies(registry):
    one, other = registry.emulators
    evaluate = one.services.background._kinds[EVALUATE]

    def die(work, task, now):
        evaluate(work, task, now)
        work.connection.execute("SELECT pg_terminate_backend(pg_backend_pid())", {})

    a_day_passes(registry)
    one.services.background._kinds[EVALUATE] = die
    while (outcome := step(one)) is Outcome.DONE:
        pass
    assert outcome is Outcome.NOTHING
    assert deletions(other) == {}
    while step(other) is not Outcome.NOTHING:
        pass
    assert [*deletions(other).values()] == [1] * (IMAGES - 1)


def test_a_request_finds_done_what_is_due_whichever_node_it_asks(registry):
    one, other = registry.emulators
    one.clock.advance(timedelta(hours=24))
    assert len(ecr_of(other).describe_images(repositoryName="team/app")["imageDetails"]) == 1


def test_a_preview_that_one_node_has_begun_is_completed_by_another(registry):
    one, other = registry.emulators
    ecr_of(one).start_lifecycle_policy_preview(repositoryName="team/app")
    with one.services.due_work.stopped():
        assert step(one) is Outcome.PART
    preview = ecr_of(other).get_lifecycle_policy_preview(repositoryName="team/app")
    assert preview["status"] == "COMPLETE"
    assert preview["summary"]["expiringImageTotalCount"] == IMAGES - 1
    assert len({result["imageDigest"] for result in preview["previewResults"]}) == IMAGES - 1


def test_a_reset_on_one_node_empties_all(registry):
    one, other = registry.emulators
    other.cache_history._put(other.cache_history._length, {1: None})
    assert Client(other.wsgi).get(PATH).status_code == 200
    Client(one.wsgi).post("/_ecr/reset", json={})
    assert ecr_of(other).describe_repositories()["repositories"] == []
    assert Client(other.wsgi).get(PATH).status_code == 404
    assert other.cache_history.snapshot()[1] == {}


def test_a_saved_state_that_one_node_loads_is_the_state_of_all(registry):
    one, other = registry.emulators
    saved = Client(one.wsgi).get("/_ecr/state").data
    put_image(ecr_of(other), "team/app", an_image(100), "v1")
    for _ in range(3):
        assert Client(other.wsgi).get(PATH).headers["Docker-Content-Digest"] == an_image(100).digest
    loaded = Client(one.wsgi).put("/_ecr/state", data=saved)
    assert loaded.status_code == 200
    assert Client(other.wsgi).get(PATH).headers["Docker-Content-Digest"] == an_image(1).digest
