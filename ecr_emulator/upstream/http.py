"""HTTP requests to upstreams: keep connections by host, follow redirects, read bodies as they arrive.

This module uses the library requests, and is imported when the first upstream is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies

from ecr_emulator.domain.fault import Fault
from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.addresses import Origin, UpstreamMap, origin_of
from ecr_emulator.upstream.answer import SMALL_BODY, Answer, translated_errors
from ecr_emulator.upstream.circuit_breakers import CircuitBreakers
from ecr_emulator.upstream.concurrency import REQUESTS_PER_HOST, ConcurrencyLimit
from ecr_emulator.upstream.counts import FAILED, UpstreamCounts
from ecr_emulator.upstream.error_responses import PASSING, busy
from ecr_emulator.upstream.faults import UpstreamFaults
from ecr_emulator.upstream.faulty_responses import respond
from ecr_emulator.upstream.private_networks import GuardedAdapter, May
from ecr_emulator.upstream.redirects import MAX_REDIRECTS, REDIRECTS, is_private, redirect_target
from ecr_emulator.upstream.request_headers import EVERY_REQUEST
from ecr_emulator.upstream.retries import AttemptFailed, NotRetryable, Payload, Retries

Outcome = TypeVar("Outcome")

HOSTS = 100
"""Maximum number of hosts to which connections are kept; those to the oldest host are closed first.

Upstreams can redirect to many hosts.
"""


class Connections:
    """Sends requests to upstreams and to the hosts that they redirect to. Safe to use from many threads."""

    def __init__(
        self,
        addresses: UpstreamMap,
        retries: Retries,
        breakers: CircuitBreakers,
        counts: UpstreamCounts,
        faults: UpstreamFaults | None = None,
    ) -> None:
        self.addresses = addresses
        self.retries = retries
        self._breakers = breakers
        self._counts = counts
        self._faults = faults
        self._sessions: dict[Origin, requests.Session] = {}
        self._limits: dict[Origin, ConcurrencyLimit] = {}
        self._registries: set[Origin] = set()
        self._lock = Lock()

    def admit(self, registry: str) -> None:
        """Allow connections to a registry that a rule names, even if it is inside a private network."""
        self._registries.add(self._origin(f"https://{registry}"))

    def with_retries(self, attempt: Callable[[], Outcome], *, after_timeout: bool = False) -> Outcome:
        """Return the outcome of the first attempt that does not fail; see ``Retries.run``. Raises ``UpstreamFailure``.

        A request that failed in all its attempts is counted by the circuit breaker of the host that failed.
        """
        try:
            return self.retries.run(attempt, after_timeout=after_timeout)
        except AttemptFailed as last:
            if last.host:
                self._breakers.gave_up(last.host, last.failure.reason)
            raise last.failure from last

    def send(self, method: str, url: str, headers: Mapping[str, str], payload: Payload, registry: str) -> Answer:
        """Send one request and follow its redirects. Failures name ``registry``, the host that led to the URL.

        Raises ``AttemptFailed`` if another attempt may succeed, and ``UpstreamFailure`` if not. The answer's status is
        a success, or an error other than 429 and those of ``PASSING``.
        """
        first, here = url, dict(headers)
        body_faults: list[Fault] = []
        for _ in range(MAX_REDIRECTS + 1):
            is_elsewhere = self._origin(url) != self._origin(first)
            if is_elsewhere:
                here.pop("Authorization", None)
            who = self._named(url, registry)
            answer = self._send_once(method, url, here, payload, registry, first, is_elsewhere=is_elsewhere)
            # A redirect has no body to spoil: its faults spoil the one that it leads to.
            body_faults += answer.body_faults
            location = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not location:
                answer.spoil(body_faults)
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
        """Return the host of a URL for error messages, and the registry that sent us there if that is another host."""
        home = f"https://{registry}"
        if self._origin(url) == self._origin(home):
            return self.addresses.describe(home)
        return f"{self.addresses.describe(url)}, to which {registry} redirects,"

    def _send_once(  # noqa: PLR0913 - a request and its place among redirects
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload: Payload,
        registry: str,
        first: str,
        *,
        is_elsewhere: bool,
    ) -> Answer:
        """Send one request without redirects, unless the breaker of the host is open. Any answer closes the breaker.

        ``first`` is the URL that was requested before any redirect.
        """
        host, who = urlsplit(url).netloc.lower(), self._named(url, registry)
        session, limit = self._session(self._origin(url))
        self._breakers.check(host)
        give_back = limit.take(payload)
        try:
            status = FAILED
            try:
                with translated_errors(who, "cannot be reached", host):
                    response, faults = self._respond(session, method, url, {**EVERY_REQUEST, **headers}, payload)
                status = str(response.status_code)
            finally:
                self._counts.asked(registry, status, first)
            count = self._counts.receiver(registry, first)
            answer = Answer(response, who, give_back, count, faults, is_elsewhere=is_elsewhere)
            self._check_busy(answer, host)
        except BaseException:
            give_back()
            self._breakers.failed(host)
            raise
        self._breakers.answered(host)
        return answer

    def _respond(
        self, session: requests.Session, method: str, url: str, headers: dict[str, str], payload: Payload
    ) -> tuple[requests.Response, Sequence[Fault]]:
        timeout = self.retries.idle_timeout(payload)

        def request(headers: dict[str, str]) -> requests.Response:
            return session.request(
                method,
                self.addresses.locate(url),
                headers=headers,
                timeout=(self.retries.connect_timeout, timeout),
                allow_redirects=False,
                stream=True,
            )

        parts = urlsplit(url)
        faults = self._faults.hits(parts.netloc.lower(), method, parts.path) if self._faults else []
        return respond(faults, request, headers, timeout, self.retries.pause), faults

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
    """A session that ignores redirects: requests would read them in any case, and fail on some."""

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
