"""A client of ``/_ecr`` that compares each request and answer with the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from werkzeug.test import Client, TestResponse

from ecr_emulator.admin.openapi import openapi_document

PREFIX = "/_ecr/"
LAYERS = "/_ecr/layers/"
"""The URLs of ``GetDownloadUrlForLayer``, which belong to the registry."""
NDJSON = "application/x-ndjson"
_ROOT = "urn:openapi"


class AdminClient(Client):
    """werkzeug's client. An answer that the document does not describe fails the test.

    Answers that come line by line are left to the test, which may act between two lines: see ``check_answer``.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        path = answer.request.path
        if path.startswith(PREFIX) and not path.startswith(LAYERS) and answer.mimetype != NDJSON:
            check_answer(answer, kwargs.get("json"))
        return answer


class ClosingClient(AdminClient):
    """Closes each answer, as servers do."""

    def open(self, *request: Any, **how: Any) -> TestResponse:
        """Send a request and read the whole answer."""
        return super().open(*request, buffered=True, **how)


def check_answer(answer: TestResponse, sent: Any = None) -> None:
    """Compare an answer with its schema, and the body of a request that was accepted with its own."""
    method = answer.request.method.lower()
    operation = find_operation(method, answer.request.path)
    if operation is None:
        assert answer.status_code in {403, 404, 405}, f"{method} {answer.request.path} is not in openapi.yaml"
        return
    responses = operation["responses"]
    described = resolve(responses.get(str(answer.status_code), responses["default"]))
    media = described["content"][answer.mimetype]
    if answer.mimetype == NDJSON:
        for line in answer.text.splitlines():
            check(json.loads(line), media["x-line"])
    elif answer.is_json:
        check(answer.get_json(), media["schema"])
    if answer.status_code < 300 and sent is not None:
        check(sent, resolve(operation["requestBody"])["content"]["application/json"]["schema"])


def find_operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation of a method and path; None if the document has none."""
    for template, item in openapi_document()["paths"].items():
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"({\w+})", template)
        )
        if re.fullmatch(pattern, path) and method in item:
            found: dict[str, Any] = item[method]
            return found
    return None


def operations() -> Iterator[tuple[str, str]]:
    """Each method, in upper case, with its path."""
    for path, item in openapi_document()["paths"].items():
        yield from ((method.upper(), path) for method in item if method in {"get", "put", "post", "delete", "patch"})


def resolve(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the document, or the one that it refers to."""
    while "$ref" in part:
        found: Any = openapi_document()
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = found
    return part


def check(value: Any, schema: dict[str, Any]) -> None:
    """Raise ``ValidationError`` unless a value fits a schema of the document."""
    validator = Draft202012Validator(_absolute(schema), registry=_registry())
    validator.validate(value)


@cache
def _registry() -> Any:
    return Registry().with_resource(_ROOT, Resource.from_contents(openapi_document(), DRAFT202012))


def _absolute(part: Any) -> Any:
    """A schema whose references name the document, so that it can be read apart from it."""
    if isinstance(part, dict):
        return {key: f"{_ROOT}{each}" if key == "$ref" else _absolute(each) for key, each in part.items()}
    return [_absolute(each) for each in part] if isinstance(part, list) else part
