"""The port of ECR's API, for the console and for services of AWS, which call it on behalf of their own callers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from ecr_emulator.domain.caller import Caller


class EcrCallFailed(Exception):
    """The error response of ECR to a call. ``status`` is that of HTTP, ``code`` is the name of the error."""

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id


class ForwardedAccess(NamedTuple):
    """The permissions with which a service or the console calls ECR: those of its own caller.

    ``service`` is the principal of the service, for example ``cloudformation.amazonaws.com``; None for the console, in
    which the caller acts directly. ``environ`` is the WSGI environment of the caller's request, whose address and host
    apply to the call too.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    """

    caller: Caller
    service: str | None
    environ: Mapping[str, Any]


class EcrApi(Protocol):
    """ECR's API without HTTP. Calls are checked, permitted and recorded like those of clients."""

    def call(self, operation: str, members: Mapping[str, Any], access: ForwardedAccess) -> dict[str, Any]:
        """Return the response of an operation; members have the names and types of the API's JSON.

        Raises ``EcrCallFailed``.
        """
