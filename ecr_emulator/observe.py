"""What the process tells its operator: log lines, and one line for each request."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from ecr_emulator.domain.printable_text import one_line

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID = "ecr_emulator.request_id"
NOTE = "ecr_emulator.note"
UNESCAPED_IN_PATHS = "/:@!$&'()*+,;=~"

requests_log = logging.getLogger("ecr_emulator.requests")


# --- Log lines -------------------------------------------------------------------------------------------


def set_up_logging(level: str, style: str, stream: TextIO = sys.stderr) -> None:
    """Log to ``stream`` from ``level`` on (``debug`` … ``error``), as ``text`` or as ``json`` lines.

    Other people's loggers, such as SQLAlchemy's and werkzeug's, start at ``warning``.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ecr_emulator").setLevel(level.upper())


class TextLines(logging.Formatter):
    """``12:34:56.789 INFO    request method=GET path=/v2/ status=200``: local time, level, message, facts."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        """The line, with the facts after the message."""
        facts = "".join(f" {name}={_shown(value)}" for name, value in _facts(record).items())
        return one_line(super().formatMessage(record)) + facts


class JsonLines(logging.Formatter):
    """One JSON object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, the facts, and ``exception``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _shown(value: object) -> str:
    """Plain words as they are, everything else as JSON: one line, whatever a client sends."""
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.,/:@%+~-]+", value)
    return str(value) if plain else json.dumps(value, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = getattr(record, "facts", {})
    return facts


# --- The request log -------------------------------------------------------------------------------------


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
