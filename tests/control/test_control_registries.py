"""Separation of registries: each account has one in each Region, and no request shows the content of another one.

The requests are made from the model, as in ``test_control_variants``.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from ecr_emulator.control.model import service_model
from tests.support.populated_registry import ACCOUNT, RestorablePlane, empty_control_plane, post
from tests.support.storage import row_counts, rows

OPERATIONS = service_model().operation_names
UNDER_WAY = {"StopReplicationBackfill"}
ELSEWHERE = [("111122223333", "us-east-1"), (ACCOUNT, "ap-south-1")]
NEVER_TWICE = {"uploadId", "authorizationToken", "downloadUrl", "replicationBackfillId", "repositoryUri"}
"""Members whose values differ in every answer or for every caller."""


def shape_of(operation):
    return service_model().operation_model(operation).input_shape


def names_registry(operation):
    return not shape_of(operation).members.keys().isdisjoint({"registryId", "resourceArn"})


def steady(value):
    """Return an answer without the members of ``NEVER_TWICE``."""
    if isinstance(value, dict):
        return {name: steady(each) for name, each in value.items() if name not in NEVER_TWICE}
    return [steady(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.fixture
def registry(populated_folder, tmp_path, operation):
    delay = timedelta(hours=1 if operation in UNDER_WAY else 0)
    with ExitStack() as cleanup:
        yield RestorablePlane(populated_folder[0], tmp_path / "registry", delay, cleanup)


@pytest.fixture
def empty(tmp_path):
    """Return an empty control plane."""
    (tmp_path / "empty").mkdir()
    with ExitStack() as cleanup:
        yield empty_control_plane(tmp_path / "empty", cleanup)


@pytest.mark.parametrize("operation", list(filter(names_registry, OPERATIONS)))
def test_another_account_that_names_a_registry_gets_the_same_answer(registry, requests, operation):
    request = requests.valid(shape_of(operation))
    if "registryId" in shape_of(operation).members:
        request["registryId"] = ACCOUNT
    own = post(registry.plane, operation, request)
    registry.restore()
    other = post(registry.plane, operation, request, account="111122223333")
    assert own[0] == 200, own
    assert steady(other) == steady(own)


def names_no_resource(operation):
    return "resourceArn" not in shape_of(operation).members


@pytest.mark.parametrize("operation", list(filter(names_no_resource, OPERATIONS)))
@pytest.mark.parametrize(("account", "region"), ELSEWHERE)
def test_a_registry_does_not_affect_other_registries(registry, empty, requests, operation, account, region):
    request = requests.valid(shape_of(operation))
    before = rows(registry.database)
    answer = post(registry.plane, operation, request, account, region)
    assert steady(answer) == steady(post(empty, operation, request, account, region))
    assert before <= rows(registry.database), "rows of another registry have changed"


OF_THE_REGISTRY = {
    "creation_templates",
    "events",
    "pull_through_rules",
    "registry_documents",
    "replication_backfills",
    "repository_counts",
    "state",
    "tasks",
}
"""Tables whose rows do not belong to a repository."""


@pytest.mark.parametrize("operation", ["DeleteRepository"])
def test_everything_in_a_repository_is_deleted_with_it(registry, operation):
    for region in ("us-east-1", "eu-west-1", "us-west-2"):
        _, found = post(registry.plane, "DescribeRepositories", {}, region=region)
        for repository in found["repositories"]:
            request = {"repositoryName": repository["repositoryName"], "force": True}
            assert post(registry.plane, operation, request, region=region)[0] == 200
    left = {table for table, number in row_counts(registry.plane.services.store).items() if number}
    assert left <= OF_THE_REGISTRY
    registry.plane.clock.advance(timedelta(days=3))
    assert post(registry.plane, "DescribeRepositories", {}) == (200, {"repositories": []})
