"""HTTP with upstreams: connections kept per host, redirects followed by hand, bodies read as they arrive.

This module alone knows requests, and is imported when the first upstream is asked.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.cookiejar import DefaultCookiePolicy
from threading import Lock

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from ecr_emulator.errors import UpstreamUnavailable
from ecr_emulator.upstream.addresses import Origin, UpstreamMap, origin_of
from ecr_emulator.upstream.patience import Interruption, Patience, Silence
from ecr_emulator.upstream.redirects import MAX_REDIRECTS, REDIRECTS, is_private, redirect_target
from ecr_emulator.upstream.refusals import PASSING, busy

SOCKETS_PER_HOST = 8
SMALL_BODY = 64 * 1024
"""The most that is read of a body that is not what was asked for: errors, redirects, tokens."""


class Answer:
    """Status and headers of a response; the body is still on the wire. Close it."""

    def __init__(self, response: requests.Response, who: str, *, is_elsewhere: bool) -> None:
        """``is_elsewhere``: redirects led away from the host that was asked."""
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.who = who
        self.is_elsewhere = is_elsewhere
        self._response = response

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def read(self, limit: int) -> bytes:
        """Bytes of the body as soon as there are any, at most ``limit``; none at its end.

        Raises ``Interruption`` if the connection breaks, stalls, or ends before Content-Length.
        """
        with _interruptions(self.who, "broke off"):
            return self._response.raw.read1(limit, decode_content=False) or b""

    def body(self, limit: int) -> bytes:
        """The body, or its first ``limit`` bytes. Reading it to its end frees the connection for others."""
        parts = []
        while limit > 0 and (part := self.read(limit)):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)

    def discard(self) -> None:
        """Have done with an answer whose body does not matter."""
        with self, suppress(Interruption):
            self.body(SMALL_BODY)


class Connections:
    """Sends requests to upstreams and wherever they redirect to. Safe to use from many threads."""

    def __init__(self, addresses: UpstreamMap, patience: Patience) -> None:
        self.addresses = addresses
        self.patience = patience
        self._sessions: dict[Origin, requests.Session] = {}
        self._lock = Lock()

    def send(self, method: str, url: str, headers: Mapping[str, str], idle: float) -> Answer:
        """One request with its redirects. ``idle`` is how long, in seconds, the upstream may stay silent.

        Raises ``Interruption`` for what may pass and ``UpstreamFailure`` for what will not. The statuses that are
        left to the caller are successes, and refusals other than 429.
        """
        first, here = url, dict(headers)
        for _ in range(MAX_REDIRECTS + 1):
            is_elsewhere = self._origin(url) != self._origin(first)
            if is_elsewhere:
                here.pop("Authorization", None)
            answer = self._send_once(method, url, here, idle, is_elsewhere=is_elsewhere)
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not location:
                return self._unless_busy(answer)
            answer.discard()
            url = redirect_target(url, location, self.addresses)
        raise UpstreamUnavailable(f"{self.addresses.describe(first)} redirects more than {MAX_REDIRECTS} times")

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def _origin(self, url: str) -> Origin:
        return origin_of(self.addresses.locate(url))

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], idle: float, *, is_elsewhere: bool
    ) -> Answer:
        who = self.addresses.describe(url)
        with _interruptions(who, "cannot be reached"):
            response = self._session(url).request(
                method,
                self.addresses.locate(url),
                headers={"Accept-Encoding": "identity", **headers},
                timeout=(self.patience.connect, idle),
                allow_redirects=False,
                stream=True,
            )
        return Answer(response, who, is_elsewhere=is_elsewhere)

    def _unless_busy(self, answer: Answer) -> Answer:
        if answer.status != 429 and answer.status not in PASSING:
            return answer
        with answer:
            failure = busy(answer.status, answer.who, answer.headers, answer.body(SMALL_BODY))
        pause = failure.retry_after
        if answer.status != 429:
            raise Interruption(failure)
        if pause is None or pause > self.patience.longest_retry_after:
            raise failure
        raise Interruption(failure, pause)

    def _session(self, url: str) -> requests.Session:
        origin = self._origin(url)
        with self._lock:
            if origin not in self._sessions:
                self._sessions[origin] = _new_session(origin)
            return self._sessions[origin]


def _new_session(origin: Origin) -> requests.Session:
    scheme, host, port = origin
    base = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    session = requests.Session()
    # The environment is read once per host, for proxies and CA bundle only: requests would also send ~/.netrc.
    session.trust_env = False
    session.proxies.update({} if is_private(host) else get_environ_proxies(base))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = "ecr-emulator"
    session.mount(f"{scheme}://", HTTPAdapter(pool_connections=1, pool_maxsize=SOCKETS_PER_HOST))
    return session


@contextmanager
def _interruptions(who: str, what: str) -> Iterator[None]:
    """Turn what requests and urllib3 raise into ours."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _interruption(who, what, error) from error


def _interruption(who: str, what: str, error: Exception) -> Exception:
    root = _root(error)
    words = getattr(root, "strerror", None) or str(root) or repr(root)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Silence(UpstreamUnavailable(f"{who} does not answer: {words}"))
    failure = UpstreamUnavailable(f"{who} {what}: {words}")
    return failure if isinstance(root, ssl.SSLCertVerificationError) else Interruption(failure)


def _root(error: BaseException) -> BaseException:
    """The exception at the bottom of a chain of those that wrap each other; it has the system's words."""
    while inner := error.__cause__ or next((each for each in error.args if isinstance(each, Exception)), None):
        error = inner
    return error
