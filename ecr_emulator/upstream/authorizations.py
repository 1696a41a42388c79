"""Authorization headers that upstreams accept, kept until they expire and fetched once for concurrent requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from threading import Lock
from typing import NamedTuple

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.upstream.challenges import Challenge

RENEW_BEFORE = 30.0
"""Seconds before its expiry in which a token is no longer used, since the request takes time to arrive."""
KEPT = 1_000
"""Maximum number of headers in memory. Expired headers are forgotten first, then the oldest."""
OPEN_FOR = 3_600.0
"""Seconds for which a host that sent no challenge at ``/v2/`` is not asked for one again."""


class AuthorizationKey(NamedTuple):
    """The requests that a header authorizes. The scope is that of the token specification; it may be empty."""

    host: str
    credential: Credential | None
    scope: str


class Grant(NamedTuple):
    """An Authorization header and for how many seconds it is accepted."""

    header: str
    lifetime: float


@dataclass(slots=True)
class _Kept:
    lock: Lock = field(default_factory=Lock)
    header: str | None = None
    until: float = 0.0

    def current(self, now: float) -> str | None:
        return self.header if now < self.until else None


class AuthorizationsSnapshot(NamedTuple):
    """The headers with their times of expiry, and the challenges of hosts, at one moment."""

    kept: Mapping[AuthorizationKey, tuple[str | None, float]]
    challenges: Mapping[str, Challenge]
    open_until: Mapping[tuple[str, Credential], float]


class Authorizations:
    """The headers for all upstreams, by the requests that they authorize. Safe to use from many threads.

    ``elapsed`` returns the seconds by which their lifetimes are measured.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._kept: dict[AuthorizationKey, _Kept] = {}
        self._challenges: dict[str, Challenge] = {}
        self._open_until: dict[tuple[str, Credential], float] = {}
        self._lock = Lock()

    def find(self, key: AuthorizationKey) -> str | None:
        """Return the header for a key unless it has expired, or None."""
        kept = self._kept.get(key)
        return kept.current(self._elapsed()) if kept else None

    def forget(self, key: AuthorizationKey, header: str) -> None:
        """Forget a header that was refused, unless another one has replaced it meanwhile."""
        kept = self._kept.get(key)
        if kept and kept.header == header:
            kept.header = None

    def obtain(self, key: AuthorizationKey, fetch: Callable[[], Grant]) -> str:
        """Return the header for a key; fetch it if there is none. Threads that need it meanwhile share one fetch."""
        kept = self._entry(key)
        with kept.lock:
            header = kept.current(self._elapsed())
            if header is None:
                header, lifetime = fetch()
                kept.header, kept.until = header, self._elapsed() + lifetime - RENEW_BEFORE
            return header

    def remember_challenge(self, host: str, challenge: Challenge) -> None:
        """Remember the challenge of a host, so that later requests can be authorized at once."""
        self._challenges[host] = challenge

    def challenge_of(self, host: str) -> Challenge | None:
        """Return the last challenge of a host, or None."""
        return self._challenges.get(host)

    def forget_challenge(self, host: str) -> None:
        """Forget the challenge of a host, since it could not be met."""
        self._challenges.pop(host, None)

    def is_known_open(self, host: str, credential: Credential) -> bool:
        """Return whether a host lately sent no challenge at ``/v2/`` to a client with this credential."""
        return self._elapsed() < self._open_until.get((host, credential), 0.0)

    def remember_open(self, host: str, credential: Credential) -> None:
        """Remember for a while that a host sent no challenge at ``/v2/``."""
        now = self._elapsed()
        with self._lock:
            still = {key: until for key, until in self._open_until.items() if now < until}
            self._open_until = still | {(host, credential): now + OPEN_FOR}

    def snapshot(self) -> AuthorizationsSnapshot:
        """Return the headers and what is known of hosts, for ``restore``."""
        with self._lock:
            kept = {key: (each.header, each.until) for key, each in self._kept.items()}
            return AuthorizationsSnapshot(kept, dict(self._challenges), dict(self._open_until))

    def restore(self, snapshot: AuthorizationsSnapshot) -> None:
        """Restore the headers and challenges of a snapshot, and forget all others."""
        with self._lock:
            self._kept = {key: _Kept(header=header, until=until) for key, (header, until) in snapshot.kept.items()}
            self._challenges = dict(snapshot.challenges)
            self._open_until = dict(snapshot.open_until)

    def clear(self) -> None:
        """Forget everything."""
        self.restore(AuthorizationsSnapshot({}, {}, {}))

    def _entry(self, key: AuthorizationKey) -> _Kept:
        with self._lock:
            if len(self._kept) >= KEPT:
                now = self._elapsed()
                self._kept = {key: kept for key, kept in self._kept.items() if kept.current(now)}
                if len(self._kept) >= KEPT:
                    del self._kept[next(iter(self._kept))]
            return self._kept.setdefault(key, _Kept())
