"""The parts of IAM's request context that come from HTTP (docs/condition-keys.md), and the check of first pulls.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecr_emulator.domain.first_pulls import CALLER_HEADER, reason_for_no_first_pull

CALLED_VIA = "ecr_emulator.called_via"
"""The entry of a WSGI environment with the principal of the service that forwards the request; else it is absent."""
_CALLER = "HTTP_" + CALLER_HEADER.upper().replace("-", "_")


def request_context(environ: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Return the values of the condition keys in a WSGI environment."""
    known = {
        "aws:SourceIp": environ.get("REMOTE_ADDR"),
        "aws:Referer": environ.get("HTTP_REFERER"),
        "aws:UserAgent": environ.get("HTTP_USER_AGENT"),
        "aws:SecureTransport": "true" if environ.get("wsgi.url_scheme") == "https" else "false",
        "aws:ViaAWSService": "true" if CALLED_VIA in environ else "false",
        "aws:CalledVia": environ.get(CALLED_VIA),
        "aws:CalledViaFirst": environ.get(CALLED_VIA),
        "aws:CalledViaLast": environ.get(CALLED_VIA),
    }
    return {key: (value,) for key, value in known.items() if value}


def first_pull_refusal(environ: Mapping[str, Any], host: str) -> str | None:
    """Return the reason why ECR makes no first pull for the client of a request; None if it does."""
    return reason_for_no_first_pull(host, environ.get("HTTP_USER_AGENT", ""), environ.get(_CALLER, ""))
