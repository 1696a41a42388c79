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
ONCE = ("BatchDelete", "Complete", "Create", "Delete", "Deregister", "PutImage", "Register", "Start", "Stop", "Update")
"""Operations that may not succeed twice."""
UNDER_WAY = {"StopReplicationBackfill"}
"""Operations that find something only while the background work is not done."""


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


def objection(operation, variant, status, content):
    """What is wrong with the answer to a variant; None if it is as documented."""
    code, message = content.get("__type"), content.get("message")
    if variant.refusal:
        refused = (status, code) == (400, variant.refusal.code) and message.startswith(variant.refusal.message)
        return None if refused else f"{status} {code}: {message}, and not {variant.refusal}"
    expected = set(declared_errors(operation))
    if not variant.is_text:
        expected.add("SerializationException")
    return None if status == 200 or (status == 400 and code in expected) else f"{status} {code}: {message}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_variant_is_answered_as_documented(planes, requests, operation):
    model = service_model().operation_model(operation)
    wrong = []
    for variant in requests.of(model.input_shape):
        try:
            status, content = post(planes.plane, operation, variant.value)
            wrong_with_it = objection(model, variant, status, content)
        except Exception as failure:
            status, wrong_with_it = 500, f"{type(failure).__name__}: {failure}"
        if wrong_with_it:
            wrong.append(f"{variant.name}: {wrong_with_it}"[:1_000])
        if status == 500 or (status == 200 and operation.startswith(ONCE)):
            planes.renew()
    assert not wrong, f"{len(wrong)} of the variants of {operation}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_valid_request_succeeds(planes, requests, operation):
    request = requests.valid(service_model().operation_model(operation).input_shape)
    status, content = post(planes.plane, operation, request)
    assert status == 200, content
