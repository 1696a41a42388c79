"""An evaluation in steps does what an evaluation at once would do, in the same order, however small the steps are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from ecr_emulator.domain.lifecycle import evaluate
from ecr_emulator.domain.lifecycle_policy import read_lifecycle_policy
from ecr_emulator.domain.lifecycle_preview import COMPLETE, LifecyclePreview
from ecr_emulator.services.lifecycle import EVALUATE, PREVIEW, find_candidates, schedule_evaluation, schedule_preview
from ecr_emulator.services.lifecycle_evaluation import perform_evaluation
from ecr_emulator.services.lifecycle_previews import perform_preview
from ecr_emulator.storage.store import SqlStore
from tests.support.images import an_image, an_index
from tests.support.storage import NOW, a_repository, store_manifest

COUNT, AGE = {"countType": "imageCountMoreThan"}, {"countType": "sinceImagePushed", "countUnit": "days"}


@pytest.fixture
def store(tmp_path):
    store = SqlStore(tmp_path / "ecr.sqlite", durable=False)
    yield store
    store.close()


def a_rule(random, priority, status):
    prefixes = {"tagPrefixList": [random.choice("ab")]} if status == "tagged" else {}
    selection = {"tagStatus": status, "countNumber": random.randint(1, 5), **random.choice((COUNT, AGE)), **prefixes}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def a_policy(random):
    statuses = random.sample(["untagged", "tagged"], random.randint(0, 2)) + ["any"] * random.randint(0, 1)
    rules = [a_rule(random, priority, status) for priority, status in enumerate(statuses or ["any"], start=1)]
    return json.dumps({"rules": rules})


def add_images(work, repository, random):
    """Store images of different ages and tags. An index lists some of them."""
    contents = [an_image(f"{number} {random.random()}") for number in range(random.randint(0, 14))]
    contents += [an_index(*random.sample(contents, 2))] if len(contents) > 1 else []
    for number, content in enumerate(contents):
        tags = [f"{random.choice('abc')}{number}"] if random.random() < 0.6 else []
        image = store_manifest(work, repository, content.raw, *tags)
        work.images.save(replace(image, pushed_at=NOW - timedelta(days=random.randint(0, 8))))


def evaluate_in_steps(store, repository, step):
    """Perform the task until it is done; return the number of its transactions."""
    for number in range(1, 1000):
        with store.writing() as work:
            task = work.tasks.find(f"{EVALUATE} {repository.arn}")
            if task.due_at > NOW:
                return number - 1
            work.tasks.remove(task.key)
            progress = perform_evaluation(work, task, NOW, incoming=lambda *_: set(), step=step)
            if progress is not None:
                work.tasks.add(replace(task, arguments=task.arguments | {"progress": progress}))
    raise AssertionError("it does not end")


@pytest.mark.parametrize("step", [1, 2, 3, 200])
@pytest.mark.parametrize("seed", range(8))
def test_steps_of_any_size_do_what_an_evaluation_at_once_does(store, seed, step):
    random = Random(seed)
    policy = a_policy(random)
    with store.writing() as work:
        repository = work.repositories.add(replace(a_repository(), lifecycle_policy=policy))
        add_images(work, repository, random)
        images = work.images.page(repository, "", 100)
        candidates = find_candidates(work, repository, images, set())
        expected = [selected.image.digest for selected in evaluate(read_lifecycle_policy(policy), candidates, NOW)]
        schedule_evaluation(work, repository, NOW - timedelta(days=1))
    transactions = evaluate_in_steps(store, repository, step)
    with store.reading() as work:
        left = {image.digest for image in work.images.page(repository, "", 100)}
        deleted = [event.detail["image-digest"] for event in work.events.after(0, 100)]
        assert all(work.lifecycle_matches.first(repository, rule, 1) == [] for rule in range(3))
    assert left == {image.digest for image in images} - set(expected)
    assert deleted == expected
    assert (transactions == 1) if step == 200 else (transactions >= len(images) // step)


def preview_in_steps(store, repository, step):
    """Perform the task of a preview until it is done."""
    progress = {}
    while progress is not None:
        with store.writing() as work:
            task = work.tasks.find(f"{PREVIEW} {repository.arn}")
            task = replace(task, arguments=task.arguments | {"progress": progress})
            progress = perform_preview(work, task, NOW, incoming=lambda *_: set(), step=step)


@pytest.mark.parametrize("step", [1, 3, 200])
@pytest.mark.parametrize("seed", range(4))
def test_a_preview_in_steps_has_the_results_of_one_at_once(store, seed, step):
    random = Random(seed)
    policy = a_policy(random)
    with store.writing() as work:
        repository = work.repositories.add(a_repository())
        add_images(work, repository, random)
        candidates = find_candidates(work, repository, work.images.page(repository, "", 100), set())
        expected = [selected.image.digest for selected in evaluate(read_lifecycle_policy(policy), candidates, NOW)]
        schedule_preview(work, repository, NOW)
    for _ in range(2):  # the second preview replaces the first
        with store.writing() as work:
            work.lifecycle_previews.save(repository, LifecyclePreview(policy, NOW))
        preview_in_steps(store, repository, step)
    with store.reading() as work:
        preview = work.lifecycle_previews.find(repository)
    assert preview.status == COMPLETE
    assert [result["imageDigest"] for result in preview.results] == expected
