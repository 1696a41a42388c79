"""The pages of errors."""

from __future__ import annotations

from typing import NamedTuple

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError, MethodNotAllowed, NotFound, RequestEntityTooLarge

from ecr_emulator.console.forms import form_token
from ecr_emulator.console.sessions import current_parts
from ecr_emulator.console.sign_in import SignInNeeded, has_signed_in, home_of_caller, needs_sign_in
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.request_log import NOTE

TITLES = {
    403: "This is not allowed",
    404: "This does not exist",
    405: "This address shows no page",
    413: "This is too large",
    500: "The emulator failed",
    503: "The emulator cannot do this now",
}


class ErrorFrame(NamedTuple):
    """The frame of an error page: the registry whose sections the page leads to, and the form that signs out."""

    registry: Registry
    can_sign_out: bool
    form_token: str


def register(app: Flask) -> None:
    """Register the pages of all errors on an application."""
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(EcrError, _of_ecr)
    app.register_error_handler(StorageFailure, lambda failure: _page(503, failure.reason))


def _of_http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error
    return _page(error.code, _sentence(error))


def _of_ecr(error: EcrError) -> ResponseReturnValue:
    status = {"AccessDeniedException": 403}.get(error.code, 404 if error.code.endswith("NotFoundException") else 400)
    return _page(status, error.message)


def _sentence(error: HTTPException) -> str:
    if isinstance(error, NotFound) and error.description == NotFound.description:
        return f"The console has no page at {request.path}."
    if isinstance(error, MethodNotAllowed):
        if request.method in ("GET", "HEAD"):
            return f"{request.path} only takes the form of a page. Go back to that page."
        return f"{request.path} does not take {request.method}."
    if isinstance(error, RequestEntityTooLarge):
        return f"A form of the console may have at most {request.max_content_length:,} bytes."
    if isinstance(error, InternalServerError):
        return "The log of the emulator has the reason."
    return error.description or ""


def _page(status: int, sentence: str) -> ResponseReturnValue:
    request.environ.setdefault(NOTE, {"reason": sentence})
    title = TITLES.get(status, "This request was refused")
    return render_template("error.html", title=title, sentence=sentence, frame=_frame(status)), status


def _frame(status: int) -> ErrorFrame | None:
    """Return the frame of the page; None for a browser that has yet to sign in.

    A failure may be one of the state, so the frame of its page needs nothing of the state.
    """
    can_sign_out = needs_sign_in(current_parts())
    if can_sign_out and not has_signed_in():
        return None
    registry: Registry | None = g.get("registry")
    try:
        if registry is None and status < 500:
            registry = home_of_caller()
    except SignInNeeded:
        return None
    return ErrorFrame(registry, can_sign_out, form_token()) if registry else None
