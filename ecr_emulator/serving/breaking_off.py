"""Answers that break off in the middle for a reason that is known: one line in the log, and no traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ecr_emulator.errors import StorageFailure, UpstreamFailure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

FORESEEN = (UpstreamFailure, StorageFailure)
"""What may end an answer in the middle without anything being wrong with the emulator."""


def tell(method: str, path: str, failure: UpstreamFailure | StorageFailure) -> None:
    """Log why an answer breaks off."""
    log.warning("the answer to %s %s breaks off: %s", method, path, failure.reason)


def ending_short(wsgi: WSGIApplication) -> WSGIApplication:
    """The application for a server that closes the connection where a body is shorter than its Content-Length.

    Such a server need not be told by an exception, the traceback of which it would print.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = wsgi(environ, start_response)
        return body if isinstance(body, list) else _Body(body, environ)

    return answer


class _Body:
    def __init__(self, body: Iterable[bytes], environ: WSGIEnvironment) -> None:
        self._body = body
        self._parts = iter(body)
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except FORESEEN as failure:
            tell(self._environ["REQUEST_METHOD"], self._environ["PATH_INFO"], failure)
            raise StopIteration from None

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close:
            close()
