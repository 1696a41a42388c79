"""Responses of upstreams as injected faults spoil them. Imported with requests, when the first upstream is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from io import BytesIO
from typing import Any

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from ecr_emulator.domain.fault import Fault
from ecr_emulator.services.faults import LATENCY
from ecr_emulator.upstream.faults import (
    BROKEN_BODY,
    EXPIRED_TOKEN,
    SILENCE,
    STATUS,
    UNREACHABLE,
    WRONG_BYTES,
)

BY_FAULT = "an injected fault"
OF_BODIES = (BROKEN_BODY, WRONG_BYTES)
"""The kinds of fault that spoil a body."""


def respond(
    faults: Sequence[Fault],
    request: Callable[[dict[str, str]], requests.Response],
    headers: dict[str, str],
    timeout: float,
    pause: Callable[[float], None],
) -> requests.Response:
    """Send a request with headers unless a fault answers in its place, and return the response.

    ``timeout`` is for how many seconds an upstream may be silent. Raises what requests raises.
    """
    for fault in faults:
        if fault.kind in (LATENCY, SILENCE):
            _wait(fault, timeout, pause)
        elif fault.kind == UNREACHABLE:
            raise requests.ConnectionError(f"connection refused by {BY_FAULT}")
        elif fault.kind == STATUS:
            return _response(fault)
    kinds = {fault.kind for fault in faults}
    return request({name: value for name, value in headers.items() if name not in _left_out(kinds)})


def spoil(response: requests.Response, faults: Sequence[Fault]) -> None:
    """Let the body of a response break off, or have wrong bytes. All faults are of the kinds ``OF_BODIES``."""
    for fault in faults:
        response.raw = _SpoiltBody(response.raw, fault)


def _left_out(kinds: Collection[str]) -> Collection[str]:
    """Return the headers that are not sent: without its token, a request is answered as if the token had expired."""
    return ("Authorization",) if EXPIRED_TOKEN in kinds else ()


def _wait(fault: Fault, timeout: float, pause: Callable[[float], None]) -> None:
    seconds = timeout if fault.kind == SILENCE else fault.seconds
    pause(min(seconds, timeout))
    if seconds >= timeout:
        raise requests.ReadTimeout(f"nothing came within {timeout:.0f} seconds: {BY_FAULT}")


def _response(fault: Fault) -> requests.Response:
    response = requests.Response()
    response.status_code = fault.status
    body = f"answered by {BY_FAULT}".encode()
    response.headers["Content-Length"] = str(len(body))
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    response.raw = HTTPResponse(BytesIO(body), preload_content=False)
    return response


class _SpoiltBody:
    """A body that breaks off, or has other bytes than the upstream sent."""

    def __init__(self, raw: Any, fault: Fault) -> None:
        self._raw = raw
        self._fault = fault
        self._left = fault.after_bytes

    def read1(self, amount: int, decode_content: bool) -> bytes:
        """Return some of the bytes. Raises ``ProtocolError`` where the body breaks off."""
        if self._fault.kind == WRONG_BYTES:
            return bytes(byte ^ 0xFF for byte in self._raw.read1(amount, decode_content=decode_content) or b"")
        if not self._left:
            raise ProtocolError(f"connection reset by {BY_FAULT}")
        data: bytes = self._raw.read1(min(amount, self._left), decode_content=decode_content) or b""
        self._left -= len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
