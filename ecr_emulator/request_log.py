"""The request log: one line for each request, with facts that the applications add."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ecr_emulator.counted_body import CountedBody
from ecr_emulator.probes import PROBES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID = "ecr_emulator.request_id"
NOTE = "ecr_emulator.note"
UNESCAPED_IN_PATHS = "/:@!$&'()*+,;=~"

requests_log = logging.getLogger("ecr_emulator.requests")


def with_request_log(wsgi: WSGIApplication) -> WSGIApplication:
    """Return the application with a request log, or unchanged if the log level hides the request log."""
    return RequestLog(wsgi) if requests_log.isEnabledFor(logging.INFO) else wsgi


class RequestLog:
    """Logs one line for each request when its answer ends: complete, failed, or interrupted by the client.

    Lines about probes that succeed have the level debug, all others info.

    The facts are method, path, status, bytes (of the body, as far as the server read them), milliseconds, the request
    id that the application stores in the environ (``REQUEST_ID``), the header ``traceparent`` of the request
    (https://www.w3.org/TR/trace-context/), and a dictionary of further facts (``NOTE``).
    """

    def __init__(self, wsgi: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._wsgi = wsgi
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application and log its answer."""
        answer = _Answer(environ, self._clock)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            answer.status = int(status[:3])
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            body = self._wsgi(environ, start)
        except BaseException:
            answer.log(0)
            raise
        if isinstance(body, list):
            answer.log(sum(map(len, body)))
            return body
        return CountedBody(body, answer.log)


class _Answer:
    """The facts about one answer. The status is 500 if the application fails before it begins the answer."""

    def __init__(self, environ: WSGIEnvironment, clock: Callable[[], float]) -> None:
        self._environ = environ
        self._clock = clock
        self._began = clock()
        self.status = 500

    def log(self, size: int) -> None:
        environ = self._environ
        facts = {
            "method": environ["REQUEST_METHOD"],
            "path": quote(environ.get("PATH_INFO", "").encode("latin-1"), safe=UNESCAPED_IN_PATHS),
            "status": self.status,
            "bytes": size,
            "milliseconds": round((self._clock() - self._began) * 1000, 1),
        }
        if REQUEST_ID in environ:
            facts["request_id"] = environ[REQUEST_ID]
        if "HTTP_TRACEPARENT" in environ:
            facts["traceparent"] = environ["HTTP_TRACEPARENT"]
        # Health checks ask every few seconds for as long as a container runs.
        is_usual = self.status == HTTPStatus.OK and environ.get("PATH_INFO") in PROBES
        level = logging.DEBUG if is_usual else logging.INFO
        requests_log.log(level, "request", extra={"facts": facts | environ.get(NOTE, {})})
