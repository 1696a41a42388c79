"""What a caller hears when a companion cannot answer."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

NOT_IMPLEMENTED = "501 Not Implemented"
FAILED = "500 Internal Server Error"

_SERVICE = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/[^/]+/([^/,]+)/aws4_request")


class CompanionFailure(Exception):
    """The companions cannot answer; the message says why, in words for the caller."""


class NoSuchCompanion(Exception):
    """moto does not have the service that a request is for."""


def refuse(failure: Exception, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a failure: XML to a query request, else JSON, as SDKs expect."""
    found = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    status, code, message = _explain(failure, found[1] if found else "the service of this request")
    log.warning("%s: %s", status, message)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        content_type, text = "text/xml", _xml(code, message)
    else:
        content_type, text = "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    body = text.encode()
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("x-amzn-ErrorType", code)]
    start_response(status, headers)
    return [body]


def _explain(failure: Exception, service: str) -> tuple[str, str, str]:
    """Status, error code and message."""
    match failure:
        case NoSuchCompanion():
            message = f"{service} is not emulated: moto, which answers for every service but ECR, does not have it."
            return NOT_IMPLEMENTED, "NotImplemented", message
        case ImportError():
            message = f"{service} needs the package {failure.name}, which is missing: pip install 'moto[server]'."
            return NOT_IMPLEMENTED, "NotImplemented", message
        case NotImplementedError():
            return NOT_IMPLEMENTED, "NotImplemented", f"{service}: {failure}"
        case CompanionFailure():
            return FAILED, "InternalFailure", str(failure)
    log.error("moto failed", exc_info=failure)
    return FAILED, "InternalFailure", f"moto failed on {service} ({type(failure).__name__}); the log says where."


def _xml(code: str, message: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
