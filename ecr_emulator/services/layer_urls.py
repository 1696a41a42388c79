"""Signed URLs from which anybody may download one layer, for a while. They look like S3's, and lead here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from ecr_emulator.domain.names import Registry
from ecr_emulator.services.tokens import Tokens

LIFE = timedelta(hours=1)
"""How long a URL is good for."""
PREFIX = "/_ecr/layers"
"""The path goes on with ``/<account>/<region>/<repository>/<digest>``."""

_TIME_FORMAT = "%Y%m%dT%H%M%SZ"


def mint(
    tokens: Tokens, origin: str, registry: Registry, repository_name: str, digest: str, expires_at: datetime
) -> str:
    """A URL for one layer below ``origin`` (``http://host:port``); expiry has whole seconds."""
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
    """Whether we minted the URL with this query for this layer, and it has not expired."""
    issued = query.get("X-Amz-Date", "")
    text = _signed_text(_path(registry, repository_name, digest), issued)
    if not tokens.signs(text, query.get("X-Amz-Signature", "")):
        return False
    return now < datetime.strptime(issued, _TIME_FORMAT).replace(tzinfo=UTC) + LIFE


def _path(registry: Registry, repository_name: str, digest: str) -> str:
    return f"{PREFIX}/{registry.id}/{registry.region}/{repository_name}/{digest}"


def _signed_text(path: str, issued: str) -> str:
    """What the signature covers; a token's payload has no newline, so that neither passes for the other."""
    return f"{path}\n{issued}\n{_seconds(LIFE)}"


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
