"""The control plane as a Flask application."""

from __future__ import annotations

import json

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_host

from ecr_emulator.control.caller import Callers
from ecr_emulator.control.endpoint import CONTENT_TYPE, Endpoint, HttpRequest
from ecr_emulator.control.endpoint import REQUEST_ID as REQUEST_ID_HEADER
from ecr_emulator.request_log import NOTE, REQUEST_ID
from ecr_emulator.services import Services

CODES = {404: "UnknownOperationException", 405: "UnknownOperationException", 413: "RequestEntityTooLargeException"}
MAX_BODY = 64 * 1024 * 1024
"""Maximum bytes of a request body. The longest valid body holds a layer part of 20 MiB in base64."""


def control_app(services: Services, callers: Callers, *, strict: bool = False) -> Flask:
    """Return an application that answers ``POST /``. ``Endpoint`` describes ``strict``."""
    endpoint = Endpoint(services, callers, strict=strict)
    app = Flask(__name__, static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, PROPAGATE_EXCEPTIONS=strict)

    @app.post("/")
    def api() -> Response:
        # Values are read from the WSGI environment: werkzeug's headers and URLs cost as much as the operation itself.
        environ = request.environ
        answer = endpoint.handle(
            HttpRequest(
                target=environ.get("HTTP_X_AMZ_TARGET", ""),
                body=request.get_data(cache=False),
                origin=f"{environ['wsgi.url_scheme']}://{get_host(environ)}",
                authorization=environ.get("HTTP_AUTHORIZATION"),
                query=environ.get("QUERY_STRING", ""),
                environ=environ,
            )
        )
        request.environ[REQUEST_ID] = answer.headers[REQUEST_ID_HEADER]
        request.environ[NOTE] = answer.note
        return Response(answer.body, answer.status, answer.headers)

    app.register_error_handler(HTTPException, _refused)
    return app


def _refused(error: HTTPException) -> Response:
    """Return an error in the API's format for a request that is not an API request: SDKs read JSON only."""
    hint = " The API takes POST / only." if error.code in {404, 405} else ""
    message = f"{request.method} {request.path}: {error.description}{hint}"
    request.environ[NOTE] = {"reason": message}
    content = {"__type": CODES.get(error.code or 400, "MalformedHttpRequestException"), "message": message}
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return Response(json.dumps(content), error.code, headers, content_type=CONTENT_TYPE)
