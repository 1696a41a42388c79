"""The query protocol of IAM, STS and the older services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from ecr_emulator.companions.error_responses import service_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)


_SERVICES = ("iam", "sts")
_UNSIGNED = {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
"""Operations of STS for callers that have no keys yet."""
_READ = "ecr_emulator.query"
_ACCESS_KEY = re.compile(r"Credential=([^/,\s]+)")


def query_of(environ: WSGIEnvironment, service: str) -> Mapping[str, str]:
    """Return the form of a request to this service, for IAM and STS with its URL query; empty for other services.

    The body stays readable for moto, and the result is kept for calls after moto has read the body.
    """
    if _READ not in environ:
        environ[_READ] = _read(environ)
    found: Mapping[str, Mapping[str, str]] = environ[_READ]
    return found.get(service, {})


def access_key_of(environ: WSGIEnvironment) -> str:
    """Return the access key that a request is signed with; empty if it is not signed."""
    found = _ACCESS_KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


def _read(environ: WSGIEnvironment) -> dict[str, Mapping[str, str]]:
    """Return the parameters of a request, by the service that it is for."""
    service = service_of(environ)
    if service not in _SERVICES and not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return {}
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    text = f"{environ.get('QUERY_STRING', '')}&{body.decode('utf-8', 'replace')}"
    query = {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
    if service is None and query.get("Action") in _UNSIGNED:
        service = "sts"
    return {service: query} if service else {}


def query_error(code: str, message: str, status: int = 400) -> Response:
    """Return the error response to a request that a service refuses."""
    return Response(_ERROR.format(code=code, message=escape(message)), status, content_type="text/xml")
