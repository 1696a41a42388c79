"""Response bodies that fail in the middle: the client must never take them for complete.

Granian closes the connection where a body is shorter than its Content-Length, and where it raises an exception. It
prints the traceback of the exception; for an expected failure of an answer with a Content-Length, and for an injected
fault, this module logs one line instead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ecr_emulator.domain.fault import BREAKS_AFTER, ConnectionDropped
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.upstream_failures import UpstreamFailure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

EXPECTED_FAILURES = (UpstreamFailure, StorageFailure, ConnectionDropped)
"""Failures that may cut an answer short although the emulator works correctly."""
WITHOUT_CHUNKS = ("HTTP/1", "HTTP/1.0")
"""Granian's and other servers' names of HTTP/1.0: a body without Content-Length ends with the connection."""

NO_ANSWER = [("Content-Length", "1"), ("Content-Length", "2")]
"""Headers that contradict each other: Granian closes the connection instead of sending them."""


def log_cut_short(method: str, path: str, failure: UpstreamFailure | StorageFailure | ConnectionDropped) -> None:
    """Log why an answer is cut short."""
    log.warning("the answer to %s %s was cut short: %s", method, path, failure.reason)


def ending_failed_bodies(wsgi: WSGIApplication) -> WSGIApplication:
    """Return the application for Granian: a failing body stops short or raises, whichever closes the connection."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start = _Start(environ, start_response)
        body = wsgi(environ, start)
        if isinstance(body, list):
            return body
        answered = _Body(body, environ, start)
        if environ.get(BREAKS_AFTER) == 0:
            return _no_answer(answered, start_response)
        if environ["SERVER_PROTOCOL"] in WITHOUT_CHUNKS and not start.is_measured:
            return _whole(answered)
        return answered

    return answer


def _no_answer(body: _Body, start_response: StartResponse) -> Iterator[bytes]:
    """Close the connection before the status line, after the body has failed."""
    with closing(body):
        for _ in body:
            pass
    start_response("500 Internal Server Error", NO_ANSWER)
    return iter([b"-"])  # a list would be sent with a length of its own


def _whole(body: _Body) -> list[bytes]:
    """Return the body as a list, whose length Granian knows; a failure raises before the answer begins."""
    try:
        return list(body)
    finally:
        body.close()


class _Start:
    """``start_response`` that remembers whether the answer has a Content-Length.

    An answer that a fault breaks off gets one that is longer than its body, if it has none.
    """

    def __init__(self, environ: WSGIEnvironment, start: StartResponse) -> None:
        self._environ = environ
        self._start = start
        self._headers: list[tuple[str, str]] = []

    @property
    def is_measured(self) -> bool:
        """Whether the answer has a Content-Length. Only streamed bodies ask."""
        return any(name.lower() == "content-length" for name, _ in self._headers)

    def __call__(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        self._headers = headers
        if BREAKS_AFTER in self._environ and not self.is_measured:
            headers = self._headers = [*headers, ("Content-Length", str(self._environ[BREAKS_AFTER] + 1))]
        return self._start(status, headers, exc_info) if exc_info else self._start(status, headers)


class _Body:
    def __init__(self, body: Iterable[bytes], environ: WSGIEnvironment, start: _Start) -> None:
        self._body = body
        self._parts = iter(body)
        self._environ = environ
        self._start = start

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except EXPECTED_FAILURES as failure:
            log_cut_short(self._environ["REQUEST_METHOD"], self._environ["PATH_INFO"], failure)
            # Only an exception keeps Granian from ending the chunks properly.
            if not self._start.is_measured:
                raise
            raise StopIteration from None

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close:
            close()
