"""The calls that moto answers: the account, the service and the operation of a request, and moto's answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from ecr_emulator.companions.error_responses import service_of
from ecr_emulator.companions.iam.lookups import find_account
from ecr_emulator.companions.query import query_of
from ecr_emulator.companions.unknown_operations import refuse_unknown_operation
from ecr_emulator.domain.names import is_account_id

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# In the header, or in the query of a presigned request; signature version 4 or 2, which is still common for S3.
_ACCESS_KEY = re.compile(r"(?:Credential=|AWSAccessKeyId=|^AWS )([^/,:&\s]+)")


def account_of(environ: WSGIEnvironment, default: str) -> str:
    """Return the account of the caller: its access key is the number of an account, or a key that IAM or STS knows."""
    signature = environ.get("HTTP_AUTHORIZATION") or environ.get("QUERY_STRING", "").replace("%2F", "/")
    found = _ACCESS_KEY.search(signature)
    access_key = found[1] if found else ""
    if is_account_id(access_key):
        return access_key
    return find_account(access_key) or default


def service_and_operation(environ: WSGIEnvironment) -> dict[str, str]:
    """Return service and operation of a call; operations of REST services have no name, only method and path."""
    service = service_of(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
    operation = target[2] or query_of(environ, service or "").get("Action", "")
    found = {"service": service or target[0], "operation": operation}
    return {name: value for name, value in found.items() if value}


def motos_answer(moto: WSGIApplication, environ: WSGIEnvironment) -> Response:
    """Return moto's whole answer, or the refusal of an operation that moto does not know."""
    answer = Response.from_app(moto, environ, buffered=True)
    refuse_unknown_operation(environ, answer)
    return answer


def keep_from_web_pages(answer: Response) -> None:
    """Remove moto's headers that let every web page read the answer: the emulator decides which pages may."""
    for name, _ in list(answer.headers):
        if name.lower().startswith("access-control-"):
            answer.headers.pop(name, None)
