"""The answers to requests that fail."""

from __future__ import annotations

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound, UnsupportedMediaType

from ecr_emulator.ports.storage_failures import StorageFailure


def answer_errors(app: Flask) -> None:
    """Answer failures of an application with their reasons."""
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(StorageFailure, _no_room)
    app.register_error_handler(RecursionError, lambda _: (jsonify(error="The body is nested too deeply"), 400))


def _no_room(failure: StorageFailure) -> ResponseReturnValue:
    return jsonify(error=failure.reason), 503


def _refused(error: HTTPException) -> ResponseReturnValue:
    where = "" if isinstance(error, BadRequest | UnsupportedMediaType) else f"{request.method} {request.path}: "
    return jsonify(error=f"{where}{_reason(error)}"), error.code or 500


def _reason(error: HTTPException) -> str | None:
    if isinstance(error, NotFound):
        return "There is no such address; GET / lists all addresses"
    if isinstance(error, MethodNotAllowed):
        return f"This address takes {', '.join(sorted(set(error.valid_methods or ()) - {'HEAD', 'OPTIONS'}))} only"
    return error.description
