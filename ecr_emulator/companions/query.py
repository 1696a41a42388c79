"""The query protocol, in which IAM and STS are called."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SCOPES = ("/iam/aws4_request", "/sts/aws4_request")


def query_of(environ: WSGIEnvironment) -> Mapping[str, str]:
    """What a request to IAM or STS says, in its body or its URL; nothing for any other. Moto finds all as it was."""
    if not any(scope in environ.get("HTTP_AUTHORIZATION", "") for scope in _SCOPES):
        return {}
    body = get_input_stream(environ).read()
    environ["wsgi.input"] = BytesIO(body)
    text = f"{environ.get('QUERY_STRING', '')}&{body.decode('utf-8', 'replace')}"
    return {name: values[0] for name, values in parse_qs(text).items()}
