"""The conditions under which a client wants an answer, by RFC 9110, section 13.

What is served here has an entity tag and no date: conditions on dates are ignored, and a range that is asked for on
condition of one is not given.
"""

from __future__ import annotations

from werkzeug import Request

from ecr_emulator.distribution.errors import OciError


def etag_of(digest: str) -> str:
    """The entity tag of what has a digest."""
    return f'"{digest}"'


def has_already(request: Request, digest: str) -> bool:
    """Whether the client has this, and wants to be told just that. Raises ``OciError`` 412 if it wants another."""
    if "HTTP_IF_MATCH" in request.environ and not request.if_match.contains(digest):
        raise OciError(412, "UNSUPPORTED", f"This is {digest}, which If-Match does not name")
    return "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(digest)


def wanted_range(request: Request, digest: str) -> str | None:
    """The Range that a client asks for; None if it has to get the whole, as with HEAD, or after a change."""
    if request.method != "GET":
        return None
    condition = request.headers.get("If-Range")
    return request.headers.get("Range") if condition in (None, etag_of(digest)) else None
