"""Requests with a wrong member, for every member of every operation, get the error that ECR documents.

The variants come from the model; see ``tests.support.request_variants``.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from ecr_emulator.control.model import declared_errors, service_model
from ecr_emulator.services import background
from tests.support.parameter_errors import Parameter, ParameterError
from tests.support.populated_registry import RestorablePlane, post
from tests.support.request_variants import Variant, Variants

OPERATIONS = service_model().operation_names
READING = ("BatchCheck", "BatchGet", "Describe", "Get", "List", "Validate")
"""Prefixes of operations that change nothing."""
UNDER_WAY = {"StopReplicationBackfill"}
"""Operations that find something only while background work is pending."""


@pytest.fixture
def registry(populated_folder, tmp_path, operation, caplog):
    delay = timedelta(hours=1 if operation in UNDER_WAY else 0)
    with ExitStack() as cleanup:
        yield RestorablePlane(populated_folder[0], tmp_path / "registry", delay, cleanup)
    assert not [record for record in caplog.get_records("call") if record.name == background.__name__]


def objection(operation, variant, status, content):
    """Return the fault of the answer to a variant, ``None`` if the answer is as documented."""
    code, message = content.get("__type"), content.get("message")
    if variant.error:
        refused = (status, code) == (400, variant.error.code) and message.startswith(variant.error.message)
        return None if refused else f"{status} {code}: {message}, and not {variant.error}"
    expected = set(declared_errors(operation))
    if not variant.is_text:
        expected.add("SerializationException")
    return None if status == 200 or (status == 400 and code in expected) else f"{status} {code}: {message}"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_variant_is_answered_as_documented(registry, requests, operation):
    model = service_model().operation_model(operation)
    wrong = []
    for variant in requests.of(model.input_shape):
        try:
            status, content = post(registry.plane, operation, variant.value)
            wrong_with_it = objection(model, variant, status, content)
        except Exception as failure:
            wrong_with_it = f"{type(failure).__name__}: {failure}"
        if wrong_with_it:
            wrong.append(f"{variant.name}: {wrong_with_it}"[:1_000])
        if not (variant.error or operation.startswith(READING)):
            registry.restore()
    assert not wrong, f"{len(wrong)} of the variants of {operation}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_valid_request_succeeds(registry, requests, operation):
    request = requests.valid(service_model().operation_model(operation).input_shape)
    status, content = post(registry.plane, operation, request)
    assert status == 200, content


# --- The variants themselves -----------------------------------------------------------------------------


def parameters(parameter):
    """Yield a parameter and all parameters in it."""
    yield parameter
    if parameter.shape.type_name == "structure":
        for name in parameter.shape.members:
            yield from parameters(parameter.member(name))
    elif parameter.shape.type_name == "list":
        yield from parameters(parameter.item)


def errors_of(parameter):
    """Yield the errors of a parameter according to the model."""
    yield parameter.wrong_type()
    for name in getattr(parameter.shape, "required_members", ()):
        yield parameter.member(name).missing()
    for constraint in ("min", "max", "pattern", "enum"):
        has_no_less = constraint == "min" and parameter.bounds.get("min") == 0 and parameter.shape.type_name != "long"
        if constraint in parameter.bounds and not has_no_less:
            yield parameter.error(constraint)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_variant_violates_each_constraint_of_the_model(requests, operation):
    shape = service_model().operation_model(operation).input_shape
    possible = {error for parameter in parameters(Parameter(shape)) for error in errors_of(parameter)}
    assert {variant.error for variant in requests.of(shape)} == possible | {None}


def test_bounds_are_tried_from_both_sides(requests):
    shape = service_model().operation_model("ListImageReferrers").input_shape
    tried = {
        variant.value["maxResults"]: variant.error and variant.error.message.partition("Member must ")[2]
        for variant in requests.of(shape)
        if isinstance(variant.value, dict) and type(variant.value.get("maxResults")) is int
    }
    wanted = {
        0: "have value greater than or equal to 1'",
        1: None,
        50: None,
        51: "have value less than or equal to 50'",
    }
    assert {size: tried[size] for size in wanted} == wanted


def test_values_without_a_sample_are_made_from_the_pattern():
    shape = service_model().shape_for("CompleteLayerUploadRequest")
    assert Variants({}, {}).valid(shape) == {
        "repositoryName": "00",
        "uploadId": "00000000-0000-0000-0000-000000000000",
        "layerDigests": ["0:0"],
    }


@pytest.mark.parametrize(
    ("variant", "status", "code"),
    [
        (Variant("good", {}), 500, "ServerException"),
        (Variant("good", {}), 400, "ImageNotFoundException"),
        (Variant("good", {}), 400, "SerializationException"),
        (Variant("bad", {}, ParameterError("InvalidParameterException", "Invalid")), 200, None),
        (Variant("bad", {}, ParameterError("InvalidParameterException", "Invalid")), 400, "ValidationException"),
        (Variant("bad", {}, ParameterError("InvalidParameterException", "Another")), 400, "InvalidParameterException"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_noticed(variant, status, code):
    operation = service_model().operation_model("DescribeRepositories")
    assert objection(operation, variant, status, {"__type": code, "message": "Invalid parameter"})
