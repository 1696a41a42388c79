"""The query protocol of IAM, STS and the older services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from ecr_emulator.companions.error_responses import service_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)
_ANSWER = "<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"

_SERVICES = ("iam", "sts")
_UNSIGNED = {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
"""Operations of STS for callers that have no keys yet."""
_READ = "ecr_emulator.query"
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[0-9]+/([^/,\s]+)/")


class Refused(Exception):
    """A request that a service of the query protocol refuses."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.answer = query_error(code, message, status)


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
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


def region_of(environ: WSGIEnvironment) -> str:
    """Return the Region that a request is signed for; us-east-1 if it is not signed."""
    found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[2] if found else "us-east-1"


def members_of(query: Mapping[str, str], name: str, part: str = "") -> tuple[str, ...]:
    """Return the members of a list in a request, in their order; of each structure in it only one part."""
    pattern = re.compile(rf"{name}\.member\.([0-9]+){rf'[.]{part}' if part else ''}")
    found = {int(match[1]): value for key, value in query.items() if (match := pattern.fullmatch(key))}
    return tuple(found[number] for number in sorted(found))


def query_answer(action: str, result: str) -> Response:
    """Return the answer to a request; ``result`` is the XML of its result."""
    return Response(_ANSWER.format(action=action, result=result), content_type="text/xml")


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
    return Response(_ERROR.format(code=code, message=escape(message, quote=False)), status, content_type="text/xml")
