"""Conditional requests, by RFC 9110, section 13.

Blobs and manifests have an entity tag and no date. If-Modified-Since and If-Unmodified-Since are ignored, and a range
with a date in If-Range is not applied.
"""

from __future__ import annotations

from werkzeug import Request

from ecr_emulator.distribution.errors import OciError


def etag_of(digest: str) -> str:
    """Return the entity tag of a blob or a manifest."""
    return f'"{digest}"'


def is_not_modified(request: Request, digest: str) -> bool:
    """Return whether If-None-Match names this digest. Raises ``OciError`` 412 if If-Match does not name it."""
    if "HTTP_IF_MATCH" in request.environ and not request.if_match.contains(digest):
        raise OciError(412, "UNSUPPORTED", f"If-Match does not name {digest}")
    return "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(digest)


def applicable_range(request: Request, digest: str) -> str | None:
    """Return the Range header; None if the whole is to be sent: no GET, or If-Range names another version."""
    if request.method != "GET":
        return None
    condition = request.headers.get("If-Range")
    return request.headers.get("Range") if condition in (None, etag_of(digest)) else None
