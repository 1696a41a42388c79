"""The error format of each part of the emulator, for requests that are refused before they reach the part."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug import Response

from ecr_emulator.companions.error_responses import aws_error_response
from ecr_emulator.control.endpoint import CONTENT_TYPE
from ecr_emulator.distribution.errors import OciError, error_response
from ecr_emulator.web_pages import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CODES = {400: "MalformedHttpRequestException", 503: "ServiceUnavailable"}
"""AWS's error codes by status. Every other refusal is an ``AccessDeniedException``."""
OCI_CODES = {400: "UNSUPPORTED", 503: "UNKNOWN"}
"""Error codes of the registry by status. Every other refusal is ``DENIED``."""
ACCESS_DENIED = "AccessDeniedException"


def _of_registry(refusal: Refusal, _: WSGIEnvironment) -> Response:
    return error_response(OciError(refusal.status, OCI_CODES.get(refusal.status, "DENIED"), refusal.message))


def _of_api(refusal: Refusal, _: WSGIEnvironment) -> Response:
    body = json.dumps({"__type": CODES.get(refusal.status, ACCESS_DENIED), "message": refusal.message})
    return Response(body, refusal.status, content_type=CONTENT_TYPE)


def _of_admin(refusal: Refusal, _: WSGIEnvironment) -> Response:
    return Response(json.dumps({"error": refusal.message}), refusal.status, content_type="application/json")


def _of_console(refusal: Refusal, _: WSGIEnvironment) -> Response:
    return Response(refusal.message, refusal.status, content_type="text/plain; charset=utf-8")


def _of_companions(refusal: Refusal, environ: WSGIEnvironment) -> Response:
    status = HTTPStatus(refusal.status)
    code = CODES.get(refusal.status, ACCESS_DENIED)
    return aws_error_response(f"{status.value} {status.phrase}", code, refusal.message, environ)


ERROR_FORMATS: Mapping[str, Callable[[Refusal, WSGIEnvironment], Response]] = {
    "distribution": _of_registry,
    "control": _of_api,
    "admin": _of_admin,
    "console": _of_console,
    "companions": _of_companions,
}
