"""The errors of the registry API: tables from domain errors to HTTP status and OCI code, and the JSON body."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from werkzeug import Response

from ecr_emulator import errors
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
    UpstreamUnsupported,
)


class OciError(Exception):
    """An error of the OCI specification: an HTTP status, a code and a message."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, reason: str = ""
    ) -> None:
        """Create the error. ``reason`` explains it to people if the message is a fixed sentence."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.reason = reason


def manifest_unknown(reason: str = "") -> OciError:
    """Return the error for an image that does not exist."""
    return OciError(404, "MANIFEST_UNKNOWN", "Requested image not found", reason=reason)


def method_not_allowed(method: str, allowed: Iterable[str]) -> OciError:
    """Return the error for a path that exists and does not support this method."""
    return OciError(405, "UNSUPPORTED", f"{method} is not supported here", {"Allow": ", ".join(sorted(allowed))})


_ROWS: dict[type[EcrError], tuple[int, str]] = {
    errors.RepositoryNotFoundException: (404, "NAME_UNKNOWN"),
    errors.ReferencedImagesNotFoundException: (404, "MANIFEST_BLOB_UNKNOWN"),
    errors.LayersNotFoundException: (404, "BLOB_UPLOAD_UNKNOWN"),
    errors.UploadNotFoundException: (404, "BLOB_UPLOAD_UNKNOWN"),
    errors.InvalidLayerPartException: (416, "BLOB_UPLOAD_INVALID"),
    errors.LayerPartTooSmallException: (400, "BLOB_UPLOAD_INVALID"),
    errors.InvalidLayerException: (400, "DIGEST_INVALID"),
    errors.ImageDigestDoesNotMatchException: (400, "DIGEST_INVALID"),
    errors.ImageTagAlreadyExistsException: (400, "TAG_INVALID"),
    errors.InvalidParameterException: (405, "UNSUPPORTED"),
    errors.LimitExceededException: (403, "DENIED"),
    errors.AccessDeniedException: (403, "DENIED"),
    errors.KmsException: (403, "DENIED"),
    errors.ThrottlingException: (429, "TOOMANYREQUESTS"),
    errors.ServerException: (500, "UNKNOWN"),
    errors.ServiceUnavailable: (503, "UNKNOWN"),
}

_UPSTREAM_ROWS: dict[type[UpstreamFailure], tuple[int, str]] = {
    UpstreamAccessDenied: (403, "DENIED"),
    UpstreamTooManyRequests: (429, "TOOMANYREQUESTS"),
    UpstreamUnsupported: (404, "MANIFEST_UNKNOWN"),
}


def oci_error_of(error: EcrError, url: str) -> OciError:
    """Return the OCI error for a domain error, with the same message.

    ``url`` is the URL of the request. A client that sent a chunk out of order continues the upload at this Location,
    after the bytes of the Range header.
    """
    if isinstance(error, errors.ImageNotFoundException):
        return manifest_unknown()
    status, code = _ROWS.get(type(error), (400, "UNSUPPORTED"))
    last, retry_after = error.facts.get("last_valid_byte_received"), error.facts.get("retry_after")
    headers = {} if last is None else {"Range": f"0-{last}", "Location": url}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return OciError(status, code, error.message, headers)


def oci_error_of_upstream(failure: UpstreamFailure) -> OciError:
    """Return the OCI error for an upstream that fails while nothing is cached."""
    if isinstance(failure, UpstreamNotFound):
        return manifest_unknown(failure.reason)
    status, code = _UPSTREAM_ROWS.get(type(failure), (503, "UNKNOWN"))
    headers = {"Retry-After": str(math.ceil(failure.retry_after))} if failure.retry_after is not None else {}
    reason = failure.reason if failure.sentence else ""
    return OciError(status, code, failure.message, headers, reason)


def error_response(oci_error: OciError, with_reason: bool = True) -> Response:
    """Return the response for an error. Its ``detail`` is the reason, which real ECR does not send.

    The specification allows any JSON as the detail. A text is readable in clients that print it unchanged.
    """
    error: dict[str, str] = {"code": oci_error.code, "message": oci_error.message}
    if oci_error.reason and with_reason:
        error["detail"] = oci_error.reason
    body = json.dumps({"errors": [error]})
    return Response(body, oci_error.status, oci_error.headers, content_type="application/json")
