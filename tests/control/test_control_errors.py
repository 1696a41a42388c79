"""The error classes against the model, and every raised error against its class."""

from __future__ import annotations

import ast
import inspect
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_emulator import errors
from ecr_emulator.control.model import service_model

PACKAGE = Path(errors.__file__).parent
PROTOCOL_ERRORS = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "SerializationException",
    "ServiceUnavailable",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
CLASSES = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.EcrError) and value is not errors.EcrError
}


def fields(error_class) -> set[str]:
    """Return the names of the facts in a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(error_class.sentence) if name}


def test_every_error_shape_has_a_class_and_every_class_a_shape():
    assert CLASSES.keys() - PROTOCOL_ERRORS == {shape.name for shape in service_model().error_shapes}


def test_only_a_server_exception_is_the_servers_fault():
    assert [name for name in CLASSES.keys() - PROTOCOL_ERRORS if CLASSES[name].status != 400] == ["ServerException"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_message_contains_all_facts_of_its_error(name):
    facts = {field: f"<{field}>" for field in fields(CLASSES[name])}
    message = CLASSES[name](**facts).message
    assert message
    assert all(value in message for value in facts.values())


def raises() -> Iterator[tuple[str, str, set[str]]]:
    """Yield every place that creates an error from its sentence: the place, the class, and the facts."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not any(name in text for name in CLASSES):
            continue
        for node in ast.walk(ast.parse(text)):
            where = f"{path.relative_to(PACKAGE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in CLASSES:
                yield where, node.exc.id, set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
                given = {keyword.arg for keyword in node.keywords}
                if not node.args and None not in given:
                    yield where, node.func.id, {name for name in given if name}


def test_every_raised_error_has_the_facts_of_its_sentence():
    wanting = {where: fields(CLASSES[name]) - given for where, name, given in raises()}
    assert {where: missing for where, missing in wanting.items() if missing} == {}
