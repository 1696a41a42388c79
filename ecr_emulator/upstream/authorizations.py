"""Authorization headers that upstreams accept, kept while they last and fetched once for all who need one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from ecr_emulator.ports.secrets import Credential
from ecr_emulator.upstream.challenges import Challenge

RENEW_BEFORE = 30.0
"""A token is not used in the last seconds of its life: the request has to arrive as well."""
KEPT = 1_000
"""With more headers than this in memory, those that have expired are forgotten, and the oldest if none has."""
OPEN_FOR = 3_600.0
"""Seconds for which a host is believed that it shows everybody what it has."""


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
    """The headers with the seconds until which they are good, and what was known of hosts, at one moment."""

    kept: Mapping[AuthorizationKey, tuple[str | None, float]]
    challenges: Mapping[str, Challenge]
    open_until: Mapping[tuple[str, Credential], float]


class Authorizations:
    """The headers of all upstreams, by what they are good for. Safe to use from many threads.

    ``elapsed`` counts the seconds that their lifetimes are measured in.
    """

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._kept: dict[AuthorizationKey, _Kept] = {}
        self._challenges: dict[str, Challenge] = {}
        self._open_until: dict[tuple[str, Credential], float] = {}
        self._lock = Lock()

    def find(self, key: AuthorizationKey) -> str | None:
        """A header that is believed to be good."""
        kept = self._kept.get(key)
        return kept.current(self._elapsed()) if kept else None

    def forget(self, key: AuthorizationKey, header: str) -> None:
        """A header was refused; one that has taken its place since stays."""
        kept = self._kept.get(key)
        if kept and kept.header == header:
            kept.header = None

    def obtain(self, key: AuthorizationKey, fetch: Callable[[], Grant]) -> str:
        """A header that is believed to be good. Threads that ask at the same time share one fetch."""
        kept = self._entry(key)
        with kept.lock:
            header = kept.current(self._elapsed())
            if header is None:
                header, lifetime = fetch()
                kept.header, kept.until = header, self._elapsed() + lifetime - RENEW_BEFORE
            return header

    def learn(self, host: str, challenge: Challenge) -> None:
        """Remember how a host wants to be signed in at, to do so unasked from now on."""
        self._challenges[host] = challenge

    def learnt(self, host: str) -> Challenge | None:
        """How a host wants to be signed in at, if it ever asked."""
        return self._challenges.get(host)

    def unlearn(self, host: str) -> None:
        """It did not work: wait to be asked."""
        self._challenges.pop(host, None)

    def is_open_to(self, host: str, credential: Credential) -> bool:
        """Whether a host said lately that nobody needs to sign in, when somebody with this credential asked."""
        return self._elapsed() < self._open_until.get((host, credential), 0.0)

    def found_open(self, host: str, credential: Credential) -> None:
        """A host says that nobody needs to sign in: it is not asked again for a while."""
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
        """Keep the headers that were kept when a snapshot was taken, and no others."""
        with self._lock:
            self._kept = {key: _Kept(header=header, until=until) for key, (header, until) in snapshot.kept.items()}
            self._challenges = dict(snapshot.challenges)
            self._open_until = dict(snapshot.open_until)

    def _entry(self, key: AuthorizationKey) -> _Kept:
        with self._lock:
            if len(self._kept) >= KEPT:
                now = self._elapsed()
                self._kept = {key: kept for key, kept in self._kept.items() if kept.current(now)}
                if len(self._kept) >= KEPT:
                    del self._kept[next(iter(self._kept))]
            return self._kept.setdefault(key, _Kept())
