"""The transport of requests to a running emulator over HTTP, for seeds and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import BinaryIO

from ecr_emulator.cli.http_client import Address, connection_to
from ecr_emulator.transports import CHUNK, Answer


class HttpTransport:
    """Sends each request on a new connection. ``timeout`` is in seconds. Raises ``OSError`` if no server answers."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        self._timeout = timeout

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: BinaryIO | None = None
    ) -> Answer:
        """Send a request to a path at the emulator."""
        connection = connection_to(self._address, self._timeout)
        try:
            connection.request(method, url, body, dict(headers or {}))
            answer = connection.getresponse()
        except HTTPException as wrong:
            connection.close()
            raise OSError("something else answers there") from wrong
        except BaseException:
            connection.close()
            raise
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, _chunks(connection, answer))


def _chunks(connection: HTTPConnection, answer: HTTPResponse) -> Iterator[bytes]:
    with closing(connection), answer:
        while chunk := answer.read(CHUNK):
            yield chunk
