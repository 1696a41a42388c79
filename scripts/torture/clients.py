"""A client of both planes and of the emulator's own endpoints, for emulators that may end at any moment."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from select import select
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

ACCOUNT = "123456789012"
REGION = "us-east-1"
TARGET = "AmazonEC2ContainerRegistry_V20150921."
TYPE = "application/vnd.oci.image.manifest.v1+json"
TIMEOUT = 60
"""Seconds after which a request counts as hanging."""


class NoAnswer(Exception):
    """Nobody knows whether a request took effect: the connection broke, or the emulator answered with a 5xx."""


class NotReached(NoAnswer):
    """No connection could be made, so the request took no effect."""


class Refused(Exception):
    """The emulator refused a request, which therefore took no effect."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: {answer.status} {answer.body[:300]!r}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with names in small letters, and body of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The name of the error of the API or of the registry; empty if the body has none."""
        try:
            document = json.loads(self.body)
            named = document.get("__type") or document["errors"][0]["code"]
        except (ValueError, LookupError, AttributeError, TypeError):
            return ""
        return str(named).rpartition("#")[2]


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that was answered with a 5xx, or that ``hangs``. ``ended`` is the instant of its end."""

    what: str
    ended: float
    hangs: bool = False


def _is_ended(connection: HTTPConnection) -> bool:
    """Whether the emulator has ended a connection, as it does with one that is idle."""
    return connection.sock is None or bool(select([connection.sock], [], [], 0)[0])


class Client:
    """A client with a connection to each node. ``ports`` returns their ports; ``failures`` gets failures.

    ``chance`` chooses a node for each request.
    """

    def __init__(
        self,
        ports: Callable[[], Sequence[int]],
        failures: list[Failure],
        token: str = "",
        chance: random.Random | None = None,
    ) -> None:
        self._ports = ports
        self._chance = chance or random.Random(0)
        self._only: int | None = None
        self._failures = failures
        self._connections: dict[int, HTTPConnection] = {}
        self._authorization = {"Authorization": f"Basic {token}"} if token else {}

    def at_each_node(self) -> Iterator[None]:
        """Yield once for each node, to which all requests go meanwhile. The order is random."""
        try:
            for port in self._chance.sample(self._ports(), len(self._ports())):
                self._only = port
                yield
        finally:
            self._only = None

    def call(self, operation: str, region: str = REGION, **members: Any) -> Any:
        """Call an operation of the API, and return its answer. Raises ``NoAnswer`` and ``Refused``."""
        credential = f"{ACCOUNT}/20260101/{region}/ecr/aws4_request"  # signatures are not verified
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Target": TARGET + operation,
            "Content-Type": "application/x-amz-json-1.1",
        }
        answer = self.ask("POST", "/", json.dumps(members).encode(), headers)
        if answer.status != 200:
            raise Refused(operation, answer)
        return json.loads(answer.body)

    def admin(self, method: str, path: str, body: bytes | Mapping[str, Any] = b"") -> Answer:
        """Send a request to the emulator's own endpoints. Raises ``NoAnswer`` and ``Refused``."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/json" if method == "POST" else "application/x-tar"
        answer = self.ask(method, f"/_ecr/{path}", raw, {"Content-Type": kind})
        if answer.status != 200:
            raise Refused(f"{method} {path}", answer)
        return answer

    def registry(
        self, method: str, path: str, body: bytes | None = None, region: str = REGION, **headers: str
    ) -> Answer:
        """Send a request to the registry of a Region; ``path`` follows ``/v2/``. Raises ``NoAnswer``."""
        host = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com"
        return self.ask(
            method, f"/v2/{path}", body, self._authorization | {"Host": host, "Content-Type": TYPE} | headers
        )

    def at(self, location: str, method: str, body: bytes | None = None) -> Answer:
        """Send a request to a URL that a registry has given. Raises ``NoAnswer``."""
        url = urlsplit(location)
        return self.registry(method, (url.path + (f"?{url.query}" if url.query else "")).removeprefix("/v2/"), body)

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send a request, and return the answer below 500. Raises ``NoAnswer``."""
        port, what = self._only or self._chance.choice(self._ports()), f"{method} {path[:200]}"
        connection = self._connected(port)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        except (OSError, HTTPException) as failure:
            del self._connections[port]
            connection.close()
            if isinstance(failure, TimeoutError):
                self._failures.append(Failure(f"{what} hangs", monotonic(), hangs=True))
            raise NoAnswer(f"{what}: {failure!r}") from None
        if answer.status >= 500:
            raise self.failure(f"{what}: {answer.status} {answer.body[:300]!r}")
        return answer

    def _connected(self, port: int) -> HTTPConnection:
        connection = self._connections.get(port)
        if connection and _is_ended(connection):
            connection.close()
            connection = None
        if connection is None:
            connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
            try:
                connection.connect()
            except OSError as failure:
                raise NotReached(f"port {port}: {failure!r}") from None
            self._connections[port] = connection
        return connection

    def failure(self, what: str) -> NoAnswer:
        """Add a failure, and return the exception that tells it."""
        self._failures.append(Failure(what, monotonic()))
        return NoAnswer(what)

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
