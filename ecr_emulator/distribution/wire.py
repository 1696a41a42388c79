"""How the data plane says no: one table from domain errors to HTTP status and OCI code, and the JSON around it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from werkzeug import Response

from ecr_emulator import errors
from ecr_emulator.errors import EcrError, UpstreamFailure


class Refusal(Exception):
    """An answer that only the OCI protocol has a word for."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, reason: str = ""
    ) -> None:
        """``reason`` has the words for people where the message is a fixed sentence that has no room for them."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.reason = reason


def manifest_unknown(reason: str = "") -> Refusal:
    """What ECR says of an image that is not there."""
    return Refusal(404, "MANIFEST_UNKNOWN", "Requested image not found", reason=reason)


def method_not_allowed(method: str, allowed: Iterable[str]) -> Refusal:
    """A path that exists and does not take this method."""
    return Refusal(405, "UNSUPPORTED", f"{method} is not possible here", {"Allow": ", ".join(sorted(allowed))})


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
}

_UPSTREAM_ROWS: dict[type[UpstreamFailure], tuple[int, str]] = {
    errors.UpstreamAccessDenied: (403, "DENIED"),
    errors.UpstreamTooManyRequests: (429, "TOOMANYREQUESTS"),
    errors.UpstreamUnsupported: (404, "MANIFEST_UNKNOWN"),
}


def refusal_of(error: EcrError, url: str) -> Refusal:
    """A domain error as the registry API puts it: the same sentence, another frame.

    ``url`` is that of the request: an upload whose chunk was out of order goes on there, after the Range it reports.
    """
    if isinstance(error, errors.ImageNotFoundException):
        return manifest_unknown()
    status, code = _ROWS.get(type(error), (400, "UNSUPPORTED"))
    last = error.facts.get("last_valid_byte_received")
    return Refusal(status, code, error.message, {} if last is None else {"Range": f"0-{last}", "Location": url})


def refusal_of_upstream(failure: UpstreamFailure) -> Refusal:
    """What a client hears when an upstream fails and nothing is cached."""
    if isinstance(failure, errors.UpstreamNotFound):
        return manifest_unknown(failure.reason)
    status, code = _UPSTREAM_ROWS.get(type(failure), (503, "UNKNOWN"))
    headers = {"Retry-After": str(math.ceil(failure.retry_after))} if failure.retry_after is not None else {}
    reason = failure.reason if failure.sentence else ""
    return Refusal(status, code, failure.message, headers, reason)


def refused(refusal: Refusal, with_reason: bool = True) -> Response:
    """The response for a refusal; its reason, which ECR does not tell, is the ``detail`` of the error.

    A text, though the specification lets it be anything: clients print what they do not know as it comes.
    """
    error: dict[str, str] = {"code": refusal.code, "message": refusal.message}
    if refusal.reason and with_reason:
        error["detail"] = refusal.reason
    body = json.dumps({"errors": [error]})
    return Response(body, refusal.status, refusal.headers, content_type="application/json")
