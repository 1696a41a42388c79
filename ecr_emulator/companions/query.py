"""The query protocol, in which IAM and STS are called."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SCOPES = ("/iam/aws4_request", "/sts/aws4_request")


def query_of(environ: WSGIEnvironment) -> Mapping[str, str]:
    """What a request to IAM or STS says in its body, which is there for moto as before; nothing for any other."""
    if not any(scope in environ.get("HTTP_AUTHORIZATION", "") for scope in _SCOPES):
        return {}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
