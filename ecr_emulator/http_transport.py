"""The transport of requests to an emulator in another process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from ssl import create_default_context
from typing import Any, BinaryIO
from urllib.parse import urljoin

import urllib3

from ecr_emulator.transports import CHUNK, Answer

CONNECT_SECONDS = 10


class NoAnswer(ConnectionError):
    """No emulator answers at an address. ``strerror`` is the reason alone."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No emulator answers at {url}: {reason}")
        self.strerror = reason


class HttpTransport:
    """Sends requests to the emulator at ``url`` over connections that are kept. Safe to use from many threads.

    ``timeout`` limits the wait for each part of an answer, in seconds. Certificates are checked by the file that
    ``AWS_CA_BUNDLE`` names, or else by those of the system. Proxies of the environment are not used.
    """

    def __init__(self, url: str, timeout: float = 60) -> None:
        self._url = url
        of_https: dict[str, Any] = {}
        if url.startswith("https:"):
            of_https["ssl_context"] = create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
        limits = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        self._pool = urllib3.PoolManager(retries=False, timeout=limits, **of_https)

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: BinaryIO | None = None
    ) -> Answer:
        """Send a request. Raises ``NoAnswer``, also while the body is read."""
        try:
            answer = self._pool.request(
                method, urljoin(self._url, url), body=body, headers=dict(headers or {}), preload_content=False
            )
        except urllib3.exceptions.HTTPError as failure:
            raise NoAnswer(self._url, _reason(failure)) from failure
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, names, self._chunks(answer))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _chunks(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from answer.stream(CHUNK)
        except urllib3.exceptions.HTTPError as failure:
            raise NoAnswer(self._url, _reason(failure)) from failure


def _reason(failure: BaseException) -> str:
    """Return the words of the operating system, if it caused the failure."""
    cause: BaseException | None = failure
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__ or next((e for e in cause.args if isinstance(e, Exception)), None)
    return str(failure)
