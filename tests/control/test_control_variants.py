"""Whatever a client gets wrong, at every member of every operation, gets the error that ECR documents or succeeds.

The variants come from the model; see ``tests.support.variants``.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from datetime import timedelta

import pytest

from ecr_emulator.control.emulated import emulated_handlers
from ecr_emulator.control.model import declared_errors, service_model
from ecr_emulator.services import background
from tests.support.furnished import furnished, post, reopened

OPERATIONS = service_model().operation_names
READING = ("BatchCheck", "BatchGet", "Describe", "Get", "List", "Validate")
UNDER_WAY = {"StopReplicationBackfill"}
"""Operations for which the background work must not be done yet."""
ON_LONG_TEXTS = {"SerializationException"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A folder with a furnished registry, and the requests that find something there."""
    folder = tmp_path_factory.mktemp("registry")
    return folder, furnished(folder)


@pytest.fixture
def requests(registry):
    return registry[1]


class Planes:
    """Gives a plane on the furnished registry, and a new one when an operation may have changed it."""

    def __init__(self, folder, copies, operation):
        self._folder, self._copies, self._operation = folder, copies, operation
        self._cleanup = ExitStack()
        self.count = 0
        self.renew()

    def renew(self):
        self._cleanup.close()
        shutil.rmtree(self._copies, ignore_errors=True)
        shutil.copytree(self._folder, self._copies)
        delay = timedelta(hours=self._operation in UNDER_WAY)
        self.plane = reopened(self._copies, self._cleanup, delay)
        self.count += 1

    def close(self):
        self._cleanup.close()


@pytest.fixture
def planes(registry, tmp_path, operation, caplog):
    if operation not in emulated_handlers():
        pytest.skip(f"{operation} is not emulated yet")
    planes = Planes(registry[0], tmp_path / "copy", operation)
    yield planes
    planes.close()
    assert not [record for record in caplog.get_records("call") if record.name == background.__name__]


def outcome(plane, operation, variant):
    """What is wrong with the answer to a variant; None if it is as documented."""
    status, content = post(plane, operation, variant.value)
    code = content.get("__type")
    if variant.refusal:
        if (status, code) == (400, variant.refusal.code) and content["message"].startswith(variant.refusal.message):
            return None
        return f"{status} {code} {content.get('message')}, not {variant.refusal}"
    declared = declared_errors(service_model().operation_model(operation))
    if status == 200 or (status == 400 and code in declared):
        return None
    return f"{status} {content}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_variant_is_answered_as_documented(planes, requests, operation):
    shape = service_model().operation_model(operation).input_shape
    wrong = []
    for variant in requests.of(shape):
        try:
            objection = outcome(planes.plane, operation, variant)
        except Exception as failure:
            objection = f"{type(failure).__name__}: {failure}"
        if objection:
            wrong.append(f"{variant.name}: {objection}"[:1_000])
        if objection or not (variant.refusal or operation.startswith(READING)):
            planes.renew()
    assert not wrong, f"{len(wrong)} of the variants of {operation}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_valid_request_succeeds(planes, requests, operation):
    request = requests.valid(service_model().operation_model(operation).input_shape)
    status, content = post(planes.plane, operation, request)
    assert status == 200, content
