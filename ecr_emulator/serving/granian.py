"""Granian in this process: one application behind any number of listening sockets.

Granian's command forks a worker and binds one address. Here its WSGI worker is started directly, once for each socket:
the application exists once, and this module stops it. Granian's names used here are not public; ``tests/serving``
checks this server against the contract that the emulator needs.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from granian import _futures, _granian
from granian.http import HTTP1Settings
from granian.wsgi import _callback_wrapper

from ecr_emulator.serving.body_deadlines import BodyDeadlines, with_protocol
from ecr_emulator.serving.certificates import Certificate
from ecr_emulator.serving.connection_limit import connections
from ecr_emulator.serving.failed_bodies import ending_failed_bodies
from ecr_emulator.serving.listeners import BACKLOG, STALL_SECONDS
from ecr_emulator.serving.pulse import Pulse, answering_pulses, connect

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

BUFFER = 256 * 1024
"""Bytes that are received at a time, at most, and the limit of the head of a request: Granian has one number for both.

With 64 KiB, receiving a large body took twice as long.
"""
REQUEST_HEAD_SECONDS = 30
IDLE_THREAD_SECONDS = 30

# Granian's type declarations of these are out of date.
native: Any = _granian
futures: Any = _futures


class GranianServer:
    """Serves ``wsgi`` on the listeners, which it then owns, with up to ``threads`` concurrent requests on each.

    Threads are started when they are needed. Further requests wait; so do connections beyond ``limit``, each of
    which holds a file. A client whose body makes no progress for ``stall_seconds`` is disconnected. With
    a certificate, the server speaks TLS.
    """

    def __init__(
        self,
        wsgi: WSGIApplication,
        listeners: Sequence[socket.socket],
        threads: int,
        certificate: Certificate | None = None,
        limit: int | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        limit = limit or connections(len(listeners))
        self.port: int = listeners[0].getsockname()[1] if listeners[0].family != socket.AF_UNIX else 0
        wsgi = ending_failed_bodies(BodyDeadlines(wsgi, stall_seconds))
        self._application: Any = answering_pulses(with_protocol(_callback_wrapper(wsgi, {})))
        self._pulse = Pulse(
            [partial(connect, each.family, each.getsockname(), certificate is not None) for each in listeners]
        )
        self._workers = [_Worker(self._application, listener, threads, limit, certificate) for listener in listeners]

    def start(self) -> None:
        """Start to answer requests."""
        for worker in self._workers:
            worker.start()
        self._pulse.start()

    def stop(self, timeout: float) -> bool:
        """Accept no connections and wait for running requests; False if one still runs after ``timeout`` seconds."""
        deadline = monotonic() + timeout
        self._pulse.stop()
        for worker in self._workers:
            worker.finish()
        return all(worker.finished.wait(max(0.0, deadline - monotonic())) for worker in self._workers)


class _Worker:
    """The worker of one socket, which Granian runs in its own threads."""

    def __init__(
        self, application: Any, listener: socket.socket, threads: int, limit: int, certificate: Certificate | None
    ) -> None:
        self._is_unix = listener.family == socket.AF_UNIX
        self.finished = Event()
        self._application = application
        self._loop = asyncio.new_event_loop()
        self._signal = native.WorkerSignal()
        self._signal.add_cb(self.finished.set)
        self._worker = native.WSGIWorker(
            1,
            (None, native.SocketHolder(listener.detach(), self._is_unix, BACKLOG)),
            None,
            py_threads=threads,
            py_threads_idle_timeout=IDLE_THREAD_SECONDS,
            backpressure=limit + 1,  # and the pulse
            http_mode="1",
            http1_opts=HTTP1Settings(header_read_timeout=REQUEST_HEAD_SECONDS * 1000, max_buffer_size=BUFFER),
            **_tls(certificate),
        )

    def start(self) -> None:
        scheduler = futures._new_cbscheduler(self._loop, self._application, impl_asyncio=True)
        serve = self._worker.serve_mtr_uds if self._is_unix else self._worker.serve_mtr
        serve(scheduler, self._loop, self._signal)

    def finish(self) -> None:
        self._signal.set()
        self._loop.close()


def _tls(certificate: Certificate | None) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {
        "ssl_enabled": True,
        "ssl_cert": str(certificate.certificate),
        "ssl_key": str(certificate.key),
        "ssl_protocol_min": "tls1.2",
        "ssl_crl": [],
    }
