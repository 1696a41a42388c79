"""werkzeug's threaded server, for tests and demonstrations: it comes with Flask and starts in a millisecond."""

from __future__ import annotations

import logging
from http import HTTPStatus
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from ecr_emulator.domain.fault import ConnectionDropped
from ecr_emulator.serving.failed_bodies import EXPECTED_FAILURES, log_cut_short
from ecr_emulator.serving.listeners import listen, wake

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

POLL_SECONDS = 0.01

logger = logging.getLogger(__name__)


class ThreadedServer:
    """Serves ``wsgi`` from a thread of this process, each connection in a thread of its own.

    The constructor opens the listener, so ``url`` and ``port`` are known before ``start``. A context manager.
    """

    def __init__(self, wsgi: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> None:
        with listen([host], port)[0] as listener:
            self._server = _Server(host, port, wsgi, _Handler, passthrough_errors=True, fd=listener.fileno())
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)

    @property
    def port(self) -> int:
        """The port in use, also when 0 was requested."""
        return self._server.port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:49152``"""
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        return f"http://{host}:{self.port}"

    def start(self) -> Self:
        """Answer requests from now on."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Accept no more connections. Running requests are not awaited; a second stop does nothing."""
        if self._thread.is_alive():
            wake(self._server.socket)
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadedWSGIServer):
    def log(self, level: str, message: str, *args: Any) -> None:
        _log(level, message, *args)


class _Handler(WSGIRequestHandler):
    _answered = False

    def run_wsgi(self) -> None:
        """Answer one request. A failure midway closes the connection, so no partial answer looks complete."""
        try:
            super().run_wsgi()
        except ConnectionDropped as dropped:
            log_cut_short(self.command, self.path, dropped)
            self.close_connection = True
        except EXPECTED_FAILURES as failure:
            log_cut_short(self.command, self.path, failure)
            self._break_off()
        except Exception:
            logger.exception("failed on %s %s", self.command, self.path)
            self._break_off()

    def _break_off(self) -> None:
        self.close_connection = True
        if not self._answered:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin the answer."""
        self._answered = True
        super().send_response(code, message)

    def handle_expect_100(self) -> bool:
        """Send nothing: ``run_wsgi`` already answers ``100 Continue``."""
        return True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: ``request_log`` logs requests."""

    def log(self, level: str, message: str, *args: Any) -> None:
        _log(level, message, *args)


def _log(level: str, message: str, *args: Any) -> None:
    logger.log(logging.getLevelNamesMapping()[level.upper()], message, *args)
