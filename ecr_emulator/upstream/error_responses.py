"""Error responses of upstreams: turn each of them into an ``UpstreamFailure``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ecr_emulator.ports.upstream_failures import (
    UpstreamAccessDenied,
    UpstreamFailure,
    UpstreamNotFound,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)

LONGEST_REST = 24 * 60 * 60.0
"""Maximum number of seconds for which an upstream is not asked, even if it requests more: one day."""
_CREDENTIAL_OR_NAME = (
    ": the credential is wrong or may not read it, or there is no repository of this name (some registries "
    "answer both alike)"
)
PASSING = frozenset({408, 499, 500, 502, 503, 504, 522})
"""Statuses after which another attempt may succeed."""


def refusal(status: int, who: str, what: str, *, has_credential: bool, hint: str = "") -> UpstreamFailure:
    """Return the failure for a status that ``who`` sent when asked for ``what``; ``hint`` says what may help."""
    if status == 404:
        return UpstreamNotFound(f"{who} has no {what}{hint}")
    if status == 401 and not has_credential:
        return UpstreamNotFound(f"{who} shows no {what} without a credential{hint}")
    if status in (401, 403):
        why = hint or (_CREDENTIAL_OR_NAME if has_credential else "")
        return UpstreamAccessDenied(f"{who} answered {status} when asked for {what}{why}")
    return UpstreamUnavailable(f"{who} answered {status} when asked for {what}")


def hint_about(host: str, name: str) -> str:
    """Return a hint at a frequent mistake in the name of a repository, to end an error message; or an empty text."""
    if host == "registry-1.docker.io" and "/" not in name:
        return f"; Docker Hub keeps official images under library/, so this may be library/{name}"
    return ""


def busy(status: int, who: str, headers: Mapping[str, str], body: bytes) -> UpstreamFailure:
    """Return the failure for 429 or a status of ``PASSING``, with the message of the upstream if it sent one."""
    words = said(body)
    reason = f"{who} answered {status}" + (f": {words}" if words else "")
    kind = UpstreamTooManyRequests if status == 429 else UpstreamUnavailable
    return kind(reason, retry_after=retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in Retry-After, a day at most; None if the header is missing or malformed.

    A date is compared with the Date header of the same answer, since the emulator's clock may differ or be moved.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_REST)
    try:
        at, sent = _date(value), _date(headers.get("Date", ""))
    except ValueError:
        return None
    return min(max((at - sent).total_seconds(), 0.0), LONGEST_REST)


def said(body: bytes) -> str:
    """Return the first message of an error body, or the body if it is a line of text; else an empty text."""
    try:
        message = json.loads(body)["errors"][0]["message"]
    except (LookupError, TypeError, RecursionError):
        return ""
    except ValueError:
        message = _line(body)
    return message[:300] if isinstance(message, str) else ""


def _line(body: bytes) -> str:
    line = body.decode("ascii", "replace").strip()
    return line if line.isascii() and line.isprintable() and not line.startswith(("<", "{", "[")) else ""


def _date(text: str) -> datetime:
    date = parsedate_to_datetime(text)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
