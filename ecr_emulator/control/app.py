"""The control plane as a WSGI application.

Flask answers the requests that are no API requests. An API request reaches the endpoint without Flask's contexts,
request and response, which together cost more than most operations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug import Response
from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.sansio.utils import get_host
from werkzeug.wsgi import get_input_stream

from ecr_emulator.control.caller import Callers
from ecr_emulator.control.endpoint import CONTENT_TYPE, Endpoint, HttpRequest
from ecr_emulator.control.endpoint import REQUEST_ID as REQUEST_ID_HEADER
from ecr_emulator.request_log import NOTE, REQUEST_ID
from ecr_emulator.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CODES = {404: "UnknownOperationException", 405: "UnknownOperationException", 413: "RequestEntityTooLargeException"}
MAX_BODY = 64 * 1024 * 1024
"""Maximum bytes of a request body. The longest valid body holds a layer part of 20 MiB in base64."""
LONGEST_LENGTH = len(str(MAX_BODY))
"""Digits of the length of a body that may be too large."""

_ADDRESS = ("POST", "/")
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class ControlApp:
    """Answers ``POST /``. ``Endpoint`` describes ``strict``."""

    def __init__(self, services: Services, callers: Callers, *, strict: bool = False) -> None:
        self._endpoint = Endpoint(services, callers, strict=strict)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_api_request = (environ["REQUEST_METHOD"], environ["PATH_INFO"]) == _ADDRESS
        return (self._answer if is_api_request else self._flask)(environ, start_response)

    @cached_property
    def _flask(self) -> WSGIApplication:
        """The application that answers other requests. Few clients send any, so Flask is imported on first use."""
        from flask import Flask, request

        from ecr_emulator.url_maps import endpoint_of, url_map_of

        app = Flask(__name__, static_folder=None)
        app.url_map = url_map_of(_ADDRESS)
        app.view_functions = {endpoint_of(*_ADDRESS): lambda: self._answer}
        app.register_error_handler(HTTPException, lambda error: _refused(error, request.environ))
        return app

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            body = _body_of(environ)
        except HTTPException as error:
            return _refused(error, environ)(environ, start_response)
        answer = self._endpoint.handle(
            HttpRequest(
                target=environ.get("HTTP_X_AMZ_TARGET", ""),
                body=body,
                origin=_origin(environ["wsgi.url_scheme"], environ["HTTP_HOST"]),
                authorization=environ.get("HTTP_AUTHORIZATION"),
                query=environ.get("QUERY_STRING", ""),
                environ=environ,
            )
        )
        environ[REQUEST_ID] = answer.headers[REQUEST_ID_HEADER]
        environ[NOTE] = answer.note
        start_response(
            _STATUS_LINES[answer.status], [*answer.headers.items(), ("Content-Length", str(len(answer.body)))]
        )
        return [answer.body]


def _body_of(environ: WSGIEnvironment) -> bytes:
    """Return the body of a request. Raises ``HTTPException`` if it is too large or breaks off.

    A body of known length is read without the stream of werkzeug, which copies it and takes as long as a query.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isdecimal() and len(length) < LONGEST_LENGTH and "HTTP_TRANSFER_ENCODING" not in environ):
        return get_input_stream(environ, max_content_length=MAX_BODY).read()
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except OSError as broken:
        raise ClientDisconnected from broken
    if len(body) < int(length):
        raise ClientDisconnected
    return body


@lru_cache
def _origin(scheme: str, host: str) -> str:
    """Return the scheme and host that a client used, without the port that the scheme implies."""
    return f"{scheme}://{get_host(scheme, host)}"


def _refused(error: HTTPException, environ: WSGIEnvironment) -> Response:
    """Return an error in the API's format for a request that is not an API request: SDKs read JSON only."""
    hint = " The API takes POST / only." if error.code in {404, 405} else ""
    message = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}: {error.description}{hint}"
    environ[NOTE] = {"reason": message}
    content = {"__type": CODES.get(error.code or 400, "MalformedHttpRequestException"), "message": message}
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return Response(json.dumps(content), error.code, headers, content_type=CONTENT_TYPE)
