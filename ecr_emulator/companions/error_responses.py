"""Error responses of companions, in the format of the requested service."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from werkzeug import Response

from ecr_emulator.ports.storage_failures import OutOfFiles, StorageFailure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

NOT_IMPLEMENTED = "501 Not Implemented"
FORBIDDEN = "403 Forbidden"
MOTOS_SERVICES = "https://docs.getmoto.org/en/latest/docs/services/index.html"
MISSING_PACKAGE = "{} needs the package {}, which is not installed: pip install 'ecr-emulator[{}]'."
UNAVAILABLE = "503 Service Unavailable"
FAILED = "500 Internal Server Error"

_SCOPE = re.compile(r"Credential=[^/,\s]+/[0-9]{8}/([^/]+)/([^/,]+)/aws4_request")
_RPC_CBOR, _CBOR = "rpc-v2-cbor", "application/cbor"
_SPEAK_XML = {"cloudfront", "route53", "s3"}
"""The services whose answers are XML, by their names in signatures."""


class CompanionFailure(Exception):
    """The companions cannot answer; the message says why, in words for the caller."""


class Denied(Exception):
    """The caller may not do what a request asks for. ``code`` is the error code of AWS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NoSuchCompanion(Exception):
    """moto does not have the service that a request is for."""


class NotOffered(Exception):
    """moto has the service, but the emulator does not offer it. The message names the alternative."""


def refuse(failure: Exception, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a failure."""
    if isinstance(failure, OSError) and OutOfFiles.is_meant_by(failure):
        failure = OutOfFiles()
    if isinstance(failure, StorageFailure):
        status, code, message = UNAVAILABLE, "ServiceUnavailable", failure.reason
    else:
        status, code, message = _explain(failure, service_of(environ) or "the service of this request")
    log.warning("%s: %s", status, message)
    return aws_error_response(status, code, message, environ)(environ, start_response)


def aws_error_response(status: str, code: str, message: str, environ: WSGIEnvironment) -> Response:
    """Return an error in the format that SDKs expect: XML for the query protocol and S3, CBOR, or else JSON."""
    headers, content = {"x-amzn-ErrorType": code}, {"__type": code, "message": message}
    if environ.get("HTTP_SMITHY_PROTOCOL") == _RPC_CBOR:
        return Response(_cbor(content), status, headers | {"smithy-protocol": _RPC_CBOR}, content_type=_CBOR)
    if _speaks_xml(environ):
        return Response(_xml(code, message), status, headers, content_type="text/xml")
    return Response(json.dumps(content), status, headers, content_type="application/x-amz-json-1.1")


def _speaks_xml(environ: WSGIEnvironment) -> bool:
    kind = environ.get("CONTENT_TYPE", "")
    return (
        kind.startswith("application/x-www-form-urlencoded")
        or kind.endswith("/xml")
        or service_of(environ) in _SPEAK_XML
    )


def service_of(environ: WSGIEnvironment) -> str | None:
    """The service that a request was signed for."""
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[2] if found else None


def region_of(environ: WSGIEnvironment) -> str | None:
    """The Region that a request was signed for."""
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else None


def _explain(failure: Exception, service: str) -> tuple[str, str, str]:
    """Status, error code and message."""
    package = _missing_package(failure)
    if package:
        return NOT_IMPLEMENTED, "NotImplemented", MISSING_PACKAGE.format(service, package, _extra_for(service))
    match failure:
        case NoSuchCompanion():
            message = (
                f"{service} is not emulated. Available are ECR (ecr) and the services of moto: s3, secretsmanager, "
                f"iam, sts, kms, sqs and the others that {MOTOS_SERVICES} lists."
            )
            return NOT_IMPLEMENTED, "NotImplemented", message
        case Denied():
            return FORBIDDEN, failure.code, str(failure)
        case NotOffered():
            return FORBIDDEN, "AccessDeniedException", str(failure)
        case NotImplementedError():
            return NOT_IMPLEMENTED, "NotImplemented", f"{service}: {failure}"
        case CompanionFailure():
            return FAILED, "InternalFailure", str(failure)
    log.error("moto failed", exc_info=failure)
    return FAILED, "InternalFailure", f"moto failed on {service} ({type(failure).__name__}); the log says where."


def _missing_package(failure: BaseException | None) -> str | None:
    """Return the package that was not found. Some of moto's code fails again while it handles that failure."""
    while failure:
        if isinstance(failure, ModuleNotFoundError) and failure.name:
            return failure.name.partition(".")[0]
        failure = failure.__context__
    return None


def _extra_for(service: str) -> str:
    """The extra of ecr-emulator that installs everything moto imports for a service."""
    return "cloudformation" if service == "cloudformation" else "companions"


def _cbor(texts: dict[str, str]) -> bytes:
    """Return a map of texts in CBOR (RFC 8949)."""
    items = (each.encode() for pair in texts.items() for each in pair)
    return bytes([0xA0 + len(texts)]) + b"".join(b"\x7a" + len(item).to_bytes(4, "big") + item for item in items)


def _xml(code: str, message: str) -> str:
    text = escape(message, quote=False)
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{text}</Message></Error></ErrorResponse>"
