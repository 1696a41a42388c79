"""HTTP with upstreams: connections kept per host, redirects followed by hand, bodies read as they arrive.

This module alone knows requests, and is imported when the first upstream is asked.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit
from zlib import decompressobj
from zlib import error as zlib_error

import requests
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.addresses import Origin, UpstreamMap, origin_of
from ecr_emulator.upstream.circuit_breakers import CircuitBreakers
from ecr_emulator.upstream.concurrency import REQUESTS_PER_HOST, ConcurrencyLimit
from ecr_emulator.upstream.error_responses import PASSING, busy
from ecr_emulator.upstream.private_networks import GuardedAdapter, May
from ecr_emulator.upstream.redirects import MAX_REDIRECTS, REDIRECTS, is_private, redirect_target
from ecr_emulator.upstream.request_headers import EVERY_REQUEST
from ecr_emulator.upstream.retries import AttemptFailed, NotRetryable, Payload, ReadTimedOut, Retries

Outcome = TypeVar("Outcome")

SMALL_BODY = 64 * 1024
"""The most that is read of a body that is not what was asked for: errors, redirects, tokens."""
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
"""How zlib is told to expect a gzip file."""
HOSTS = 100
"""Connections are kept to so many hosts; to which there was a first one longest ago is hung up on: upstreams can
redirect to many."""


class Answer:
    """Status and headers of a response; the body is still on the wire. Close it."""

    def __init__(
        self, response: requests.Response, who: str, give_back: Callable[[], None], *, is_elsewhere: bool
    ) -> None:
        """``is_elsewhere``: redirects led away from the host that was asked. ``give_back`` is called at the end."""
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.who = who
        self.is_elsewhere = is_elsewhere
        self._response = response
        self._give_back = give_back

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._give_back()

    def read(self, limit: int) -> bytes:
        """Bytes of the body as soon as there are any, at most ``limit``; none at its end.

        Raises ``AttemptFailed`` if the connection breaks, stalls, or ends before Content-Length.
        """
        with _translated_errors(self.who, "broke off"):
            return self._response.raw.read1(limit, decode_content=False) or b""

    def body(self, limit: int) -> bytes:
        """The body, or its first ``limit`` bytes. Reading it to its end frees the connection for others."""
        parts, left = [], limit
        while left > 0 and (part := self.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def document(self, limit: int) -> bytes:
        """The body if that is a document, or its first ``limit`` bytes.

        Some servers compress it although they are asked not to, and some only say that they did.
        """
        body = self.body(limit)
        try:
            return decompressobj(GZIP_WINDOW).decompress(body, limit) if body.startswith(GZIP_MAGIC) else body
        except zlib_error:
            return body

    def discard(self) -> None:
        """Have done with an answer whose body does not matter."""
        with self, suppress(AttemptFailed):
            self.body(SMALL_BODY)


class Connections:
    """Sends requests to upstreams and wherever they redirect to. Safe to use from many threads."""

    def __init__(self, addresses: UpstreamMap, retries: Retries, breakers: CircuitBreakers) -> None:
        self.addresses = addresses
        self.retries = retries
        self._breakers = breakers
        self._sessions: dict[Origin, requests.Session] = {}
        self._limits: dict[Origin, ConcurrencyLimit] = {}
        self._registries: set[Origin] = set()
        self._lock = Lock()

    def admit(self, registry: str) -> None:
        """A rule names this registry, so it may be wherever its host is, also inside a private network."""
        self._registries.add(self._origin(f"https://{registry}"))

    def with_retries(self, attempt: Callable[[], Outcome], *, after_timeout: bool = False) -> Outcome:
        """The outcome of the first attempt that is not interrupted. Raises ``UpstreamFailure``.

        See ``Retries.run``; what has failed in all its tries counts against the host that failed.
        """
        try:
            return self.retries.run(attempt, after_timeout=after_timeout)
        except AttemptFailed as last:
            if last.host:
                self._breakers.gave_up(last.host, last.failure.reason)
            raise last.failure from last

    def send(self, method: str, url: str, headers: Mapping[str, str], payload: Payload, registry: str) -> Answer:
        """One request with its redirects. ``registry`` is the host that led to the URL; failures elsewhere name it too.

        Raises ``AttemptFailed`` for what may pass and ``UpstreamFailure`` for what will not. The statuses that are
        left to the caller are successes, and refusals other than 429.
        """
        first, here = url, dict(headers)
        for _ in range(MAX_REDIRECTS + 1):
            is_elsewhere = self._origin(url) != self._origin(first)
            if is_elsewhere:
                here.pop("Authorization", None)
            who = self._named(url, registry)
            answer = self._send_once(method, url, here, payload, who, is_elsewhere=is_elsewhere)
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not location:
                return answer
            answer.discard()
            url = redirect_target(url, location, self.addresses, who)
        raise UpstreamUnavailable(f"{self._named(first, registry)} redirects more than {MAX_REDIRECTS} times")

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def _origin(self, url: str) -> Origin:
        return origin_of(self.addresses.locate(url))

    def _named(self, url: str, registry: str) -> str:
        """Who is asked, for people: a token service or storage of which they may never have heard is explained."""
        home = f"https://{registry}"
        if self._origin(url) == self._origin(home):
            return self.addresses.describe(home)
        return f"{self.addresses.describe(url)}, where {registry} sends us,"

    def _send_once(
        self, method: str, url: str, headers: Mapping[str, str], payload: Payload, who: str, *, is_elsewhere: bool
    ) -> Answer:
        """One request, unless its host is to be left alone. An answer that begins is an answer: its breaker closes."""
        host = urlsplit(url).netloc.lower()
        session, limit = self._session(self._origin(url))
        self._breakers.check(host)
        give_back = limit.take(payload)
        try:
            with _translated_errors(who, "cannot be reached", host):
                response = session.request(
                    method,
                    self.addresses.locate(url),
                    headers={**EVERY_REQUEST, **headers},
                    timeout=(self.retries.connect_timeout, self.retries.idle_timeout(payload)),
                    allow_redirects=False,
                    stream=True,
                )
            answer = Answer(response, who, give_back, is_elsewhere=is_elsewhere)
            self._check_busy(answer, host)
        except BaseException:
            give_back()
            self._breakers.failed(host)
            raise
        self._breakers.answered(host)
        return answer

    def _check_busy(self, answer: Answer, host: str) -> None:
        if answer.status != 429 and answer.status not in PASSING:
            return
        with answer:
            failure = busy(answer.status, answer.who, answer.headers, answer.body(SMALL_BODY))
        pause = failure.retry_after
        is_long = pause is not None and pause > self.retries.longest_retry_after
        if answer.status != 429:
            raise (NotRetryable if is_long else AttemptFailed)(failure, pause, host)
        self._breakers.answered(host)
        if pause is None or is_long:
            raise failure
        raise AttemptFailed(failure, pause)

    def _may_be_private(self, origin: Origin) -> bool:
        return origin in self._registries or self.addresses.leads_to(origin)

    def _session(self, origin: Origin) -> tuple[requests.Session, ConcurrencyLimit]:
        with self._lock:
            if origin not in self._sessions:
                if len(self._sessions) >= HOSTS:
                    oldest = next(iter(self._sessions))
                    self._sessions.pop(oldest).close()
                    del self._limits[oldest]
                self._sessions[origin] = _new_session(origin, partial(self._may_be_private, origin))
                self._limits.setdefault(origin, ConcurrencyLimit())
            return self._sessions[origin], self._limits[origin]


class _Session(requests.Session):
    """A session that leaves redirects to us: requests would read them even so, and fail on some."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """See requests."""


def _new_session(origin: Origin, may_be_private: May) -> requests.Session:
    scheme, host, port = origin
    base = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    session = _Session()
    # The environment is read once per host, for proxies and CA bundle only: requests would also send ~/.netrc.
    session.trust_env = False
    session.proxies.update({} if is_private(host) else get_environ_proxies(base))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.mount(f"{scheme}://", GuardedAdapter(may_be_private, pool_connections=1, pool_maxsize=REQUESTS_PER_HOST))
    return session


@contextmanager
def _translated_errors(who: str, what: str, host: str | None = None) -> Iterator[None]:
    """Turn what requests and urllib3 raise into ours."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        raise _attempt_failed(who, what, error, host) from error


def _attempt_failed(who: str, what: str, error: Exception, host: str | None) -> AttemptFailed:
    root = _root(error)
    words = getattr(root, "strerror", None) or str(root) or repr(root)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return ReadTimedOut(UpstreamUnavailable(f"{who} does not answer: {words}"), host=host)
    failure = UpstreamUnavailable(f"{who} {what}: {words}")
    kind = NotRetryable if isinstance(root, ssl.SSLCertVerificationError) else AttemptFailed
    return kind(failure, host=host)


def _root(error: BaseException) -> BaseException:
    """The exception at the bottom of a chain of those that wrap each other; it has the system's words."""
    while inner := error.__cause__ or next((each for each in error.args if isinstance(each, Exception)), None):
        error = inner
    return error
