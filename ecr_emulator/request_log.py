"""The request log: one line for each request, and what applications add to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID = "ecr_emulator.request_id"
NOTE = "ecr_emulator.note"
UNESCAPED_IN_PATHS = "/:@!$&'()*+,;=~"

requests_log = logging.getLogger("ecr_emulator.requests")


def with_request_log(wsgi: WSGIApplication) -> WSGIApplication:
    """The application with its request log; as it is when nobody would see the log."""
    return RequestLog(wsgi) if requests_log.isEnabledFor(logging.INFO) else wsgi


class RequestLog:
    """Logs one line for each request, once its answer is over: complete, failed, or left by the client.

    The facts are method, path, status, bytes (of the body, as far as the server took them), milliseconds, the request
    id that the application put into the environ, and the dictionary of facts that it left there as its note.
    """

    def __init__(self, wsgi: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._wsgi = wsgi
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does."""
        answer = _Answer(environ, self._clock)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            answer.status = int(status[:3])
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            body = self._wsgi(environ, start)
        except BaseException:
            answer.log()
            raise
        if isinstance(body, list):
            answer.size = sum(map(len, body))
            answer.log()
            return body
        return _LoggedBody(body, answer)


class _Answer:
    """What is known of one answer. An application that fails before it begins is a 500 to the client."""

    def __init__(self, environ: WSGIEnvironment, clock: Callable[[], float]) -> None:
        self._environ = environ
        self._clock = clock
        self._began = clock()
        self.status = 500
        self.size = 0

    def log(self) -> None:
        environ = self._environ
        facts = {
            "method": environ["REQUEST_METHOD"],
            "path": quote(environ.get("PATH_INFO", "").encode("latin-1"), safe=UNESCAPED_IN_PATHS),
            "status": self.status,
            "bytes": self.size,
            "milliseconds": round((self._clock() - self._began) * 1000, 1),
        }
        if REQUEST_ID in environ:
            facts["request_id"] = environ[REQUEST_ID]
        requests_log.info("request", extra={"facts": facts | environ.get(NOTE, {})})


class _LoggedBody:
    """A streamed body. The line is written when the server closes it, as servers do however the answer ends."""

    def __init__(self, body: Iterable[bytes], answer: _Answer) -> None:
        self._body = body
        self._parts = iter(body)
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = next(self._parts)
        self._answer.size += len(part)
        return part

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        finally:
            self._answer.log()
