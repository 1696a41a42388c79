"""The query protocol, in which IAM, STS and CloudFormation are called."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_ERROR = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
)


def query_of(environ: WSGIEnvironment, *services: str) -> Mapping[str, str]:
    """What a request to one of these services says, in its body or its URL; nothing for any other.

    Moto finds all as it was.
    """
    signature = environ.get("HTTP_AUTHORIZATION", "")
    if not any(f"/{service}/aws4_request" in signature for service in services):
        return {}
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    text = f"{environ.get('QUERY_STRING', '')}&{body.decode('utf-8', 'replace')}"
    return {name: values[0] for name, values in parse_qs(text).items()}


def query_error(code: str, message: str) -> Response:
    """The answer to a request that a service refuses."""
    return Response(_ERROR.format(code=code, message=escape(message)), 400, content_type="text/xml")
