"""A receiver of webhooks on loopback, with scripted answers."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

PATIENCE = 20
"""Seconds until a test that waits for an event fails."""


class WebhookReceiver:
    """Answers 204, or the scripted ``answers`` first: statuses, and functions that return one. A context manager."""

    def __init__(self, port: int = 0) -> None:
        self.answers: deque[Any] = deque()
        self.headers: list[Any] = []
        self._events: Queue[Any] = Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.headers.append(self.headers)
                answer = receiver.answers.popleft() if receiver.answers else 204
                receiver._events.put(body)
                status = answer() if callable(answer) else answer
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "120")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/events?token=of-the-receiver"

    def next(self) -> Any:
        """Return the next event that arrives."""
        return self._events.get(timeout=PATIENCE)

    def next_after(self, action: Callable[[], object]) -> Any:
        """Return the next event; do something repeatedly until it arrives."""
        while True:
            action()
            with suppress(Empty):
                return self._events.get(timeout=0.05)

    def tags(self, number: int) -> list[str]:
        """Return the tags of the next events."""
        return [self.next()["detail"]["image-tag"] for _ in range(number)]

    @property
    def waiting(self) -> int:
        """Number of events that have arrived and were not returned."""
        return self._events.qsize()

    def __enter__(self) -> WebhookReceiver:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
