"""Refusals of S3 that pass, and which botocore does not try again by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ATTEMPTS = 4
"""Number of times that a request is sent before its failure counts."""
PAUSE = 0.05
"""Seconds before the second attempt after a refusal that passes, and how much longer each further pause is."""
_PASS = frozenset({"OperationAborted", "ExistingObjectIsDirectory"})
"""Codes of requests that another one was in the way of.

versitygw gives the second one for a write while a deletion of the last object beside it removes their folder.
"""


def pause_before_next_attempt(
    response: tuple[object, Mapping[str, Any]] | None, attempts: int, **_: object
) -> float | None:
    """Return the seconds until a request is sent again; None if it is left to botocore whether it is.

    ``response`` is an answer and its parsed content; None if there was no answer. A handler of ``needs-retry``.
    """
    code = response[1].get("Error", {}).get("Code") if response else None
    return attempts * PAUSE if code in _PASS and attempts < ATTEMPTS else None
