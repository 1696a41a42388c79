"""Signed URLs from which anybody may download one layer for a limited time. They look like presigned URLs of S3."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from ecr_emulator.domain.names import Registry
from ecr_emulator.services.tokens import Tokens

LIFE = timedelta(hours=1)
"""Time for which a URL is valid."""
PREFIX = "/_ecr/layers"
"""The beginning of the path; ``/<account>/<region>/<repository>/<digest>`` follows."""

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"


def mint(
    tokens: Tokens, origin: str, registry: Registry, repository_name: str, digest: str, expires_at: datetime
) -> str:
    """Return a signed URL for one layer at ``origin`` (``http://host:port``). It expires at a whole second."""
    path = _path(registry, repository_name, digest)
    issued = (expires_at - LIFE).astimezone(UTC).strftime(_TIME_FORMAT)
    query = {
        "X-Amz-Date": issued,
        "X-Amz-Expires": str(_seconds(LIFE)),
        "X-Amz-Signature": tokens.sign(_signed_text(path, issued)),
    }
    return f"{origin}{quote(path, safe='/:')}?{urlencode(query)}"


def verify(
    tokens: Tokens,
    registry: Registry,
    repository_name: str,
    digest: str,
    query: Mapping[str, str],
    now: datetime,
) -> bool:
    """Return whether ``mint`` returned a URL with this query for this layer, and it has not expired."""
    issued = query.get("X-Amz-Date", "")
    text = _signed_text(_path(registry, repository_name, digest), issued)
    if not tokens.signs(text, query.get("X-Amz-Signature", "")):
        return False
    return now < datetime.strptime(issued, _TIME_FORMAT).replace(tzinfo=UTC) + LIFE


def _path(registry: Registry, repository_name: str, digest: str) -> str:
    return f"{PREFIX}/{registry.id}/{registry.region}/{repository_name}/{digest}"


def _signed_text(path: str, issued: str) -> str:
    """Return the text to sign. It has newlines and the payload of a token has none, so neither passes for the other."""
    return f"{path}\n{issued}\n{_seconds(LIFE)}"


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
