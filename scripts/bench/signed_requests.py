"""A client that costs little: signed API requests made beforehand, and a connection that stays open."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Mapping
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TARGET = "AmazonEC2ContainerRegistry_V20150921"
CREDENTIALS = Credentials("123456789012", "any")
REGION = "us-east-1"
CHUNK = 1 << 20
TIMEOUT = 60
"""Seconds after which a silent server ends the measurement."""


def signed(port: int, operation: str, **members: Any) -> bytes:
    """Return the bytes of an HTTP request that calls an operation of ECR."""
    body = json.dumps(members)
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{TARGET}.{operation}"}
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/", headers, body)
    SigV4Auth(CREDENTIALS, "ecr", REGION).add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = ["POST / HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", body]).encode()


def plain(port: int, path: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"") -> bytes:
    """Return the bytes of an unsigned request."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


class Connection:
    """A connection to a server on loopback, kept alive, or made anew for each request if the server closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def open(self) -> socket.socket:
        """Return the open connection. Measurements call this first, so that connecting is not measured.

        A server may have closed a connection that was idle while others were measured.
        """
        if self._socket and select.select([self._socket], [], [], 0)[0]:
            self.close()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def send(self, request: bytes) -> bytes:
        """Send a request; return the body of its answer. Raises ``SystemExit`` unless the status is 2xx."""
        (self._socket or self.open()).sendall(request)
        received = self._more()
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        headers = _headers(head)
        parts, missing = [body], int(headers.get(b"content-length", b"0")) - len(body)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        if headers.get(b"connection", b"").lower() == b"close":
            self.close()
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"{request[:200]!r} was answered {head!r} {b''.join(parts)[:1000]!r}")
        return b"".join(parts)

    def call(self, request: bytes) -> dict[str, Any]:
        """Send a request and return its answer."""
        answer: dict[str, Any] = json.loads(self.send(request))
        return answer

    def close(self) -> None:
        """Close the connection, if it is open."""
        if self._socket:
            self._socket.close()
        self._socket = None

    def _more(self) -> bytes:
        received = (self._socket or self.open()).recv(CHUNK)
        if not received:
            raise SystemExit("the server closed the connection")
        return received


def _headers(head: bytes) -> dict[bytes, bytes]:
    pairs = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}
