"""Deadlines for the bodies of requests on Granian: a client that sends too little for a time is disconnected.

Granian has no time-out for a body. A read of it blocks a thread until the bytes have come or the connection ends, and
no other thread can interrupt it. The connection ends if another thread answers in the meantime and breaks the answer
off (docs/decisions/0039-crowds-and-slow-clients.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from threading import Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from ecr_emulator.serving.listeners import STALL_SECONDS
from ecr_emulator.serving.pulse import Runner

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

SMALLEST_READ, LARGEST_READ = 16 * 1024, 1024 * 1024
"""Bytes of a read. A body makes progress when a read of it ends, so that slow clients must get small ones."""
STEP = 4
"""Factor by which reads grow while the client is quick."""
QUICK = 1 / 60
"""The part of the time for a read in which a quick client sends it."""
PROTOCOL = "ecr_emulator.granian_protocol"
"""Key of a WSGI environment: Granian's object that sends the answer."""

log = logging.getLogger(__name__)


def with_protocol(run: Runner) -> Runner:
    """Wrap a runner so that the environment of a request with a body has the protocol."""

    def run_with_protocol(protocol: Any, environ: dict[str, Any]) -> Any:
        if "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ:
            environ[PROTOCOL] = protocol
        return run(protocol, environ)

    return run_with_protocol


class BodyDeadlines:
    """Passes requests on to an application, and disconnects clients whose body makes no progress for ``seconds``.

    The application then finds that the body has broken off. One thread watches all bodies; it runs while there are any.
    """

    def __init__(self, wsgi: WSGIApplication, seconds: float = STALL_SECONDS) -> None:
        self._wsgi = wsgi
        self.seconds = seconds
        self._reads: dict[_TimedBody, float] = {}
        self._is_watching = False
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        protocol = environ.pop(PROTOCOL, None)
        if protocol is None:
            return self._wsgi(environ, start_response)
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        body = environ["wsgi.input"] = _TimedBody(environ["wsgi.input"], protocol, request, self)
        answer = self._wsgi(environ, start_response)
        if not body.has_stalled:
            return answer
        # Granian does not look at an answer on a connection that has ended, and would never close it.
        close = getattr(answer, "close", None)
        if close:
            close()
        return []

    def begin(self, body: _TimedBody) -> None:
        """Watch a body whose next bytes are waited for."""
        with self._lock:
            self._reads[body] = monotonic()
            if not self._is_watching:
                self._is_watching = True
                Thread(target=self._watch, name="body-deadlines", daemon=True).start()

    def end(self, body: _TimedBody) -> float:
        """Stop watching a body; return the seconds that its bytes took."""
        with self._lock:
            return monotonic() - self._reads.pop(body)

    def _watch(self) -> None:
        while True:
            sleep(self.seconds / 10)
            with self._lock:
                if not self._reads:
                    self._is_watching = False
                    return
                latest = monotonic() - self.seconds
                stalled = [body for body, since in self._reads.items() if since <= latest and not body.has_stalled]
            for body in stalled:
                body.disconnect()


class _TimedBody:
    """The body of a request. Reads of it end when the client has sent nothing for a time."""

    def __init__(self, body: InputStream, protocol: Any, request: str, deadlines: BodyDeadlines) -> None:
        self._body = body
        self._protocol = protocol
        self._request = request
        self._deadlines = deadlines
        self._step = SMALLEST_READ
        self._took = 0.0
        self.has_stalled = False

    def disconnect(self) -> None:
        """Disconnect the client, which ends the read in the other thread."""
        self.has_stalled = True
        seconds = self._deadlines.seconds
        log.warning("%s was cut off: its body made no progress for %g seconds", self._request, seconds)
        self._protocol.response_iter(408, [("Connection", "close"), ("Content-Length", "1")], _Nothing())

    def read(self, size: int | None = None, /) -> bytes:
        """Return ``size`` bytes, or all; fewer if the body ends. Raises ``TimeoutError`` at a body that has stalled."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(LARGEST_READ), b""))
        first = self._part(size)
        if len(first) == size or not first:
            return first
        parts, missing = [first], size - len(first)
        while missing and not self.has_stalled and (part := self._part(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def readline(self, _: int = -1, /) -> bytes:
        """Return a line, of any length."""
        return self._timed(self._body.readline)

    def readlines(self, _: int = -1, /) -> list[bytes]:
        """Return all lines."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _part(self, size: int) -> bytes:
        part = self._timed(self._body.read, min(size, self._step))
        if self._took < QUICK * self._deadlines.seconds:
            self._step = min(self._step * STEP, LARGEST_READ)
        else:
            self._step = SMALLEST_READ
        return part

    def _timed(self, read: Callable[..., bytes], *arguments: int) -> bytes:
        """Read; return what has arrived before a stall, and raise ``TimeoutError`` after it."""
        if self.has_stalled:
            raise TimeoutError("the body made no progress for a long time")
        self._deadlines.begin(self)
        try:
            part = read(*arguments)
        finally:
            self._took = self._deadlines.end(self)
        if self.has_stalled and not part:
            raise TimeoutError("the body made no progress for a long time")
        return part


class _Nothing:
    """A body without bytes, for an answer that breaks off."""

    def __next__(self) -> bytes:
        raise StopIteration

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
