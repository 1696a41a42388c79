"""Faults of upstream hosts, injected by users: which of them hit a request to an upstream."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from threading import Lock
from typing import Any

from ecr_emulator.domain.fault import Fault, FaultSyntax
from ecr_emulator.ports.nodes import Changing
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.faults import LATENCY, NO_FAULTS, Chances, Faults

UNREACHABLE = "unreachable"
SILENCE = "silence"
STATUS = "status"
EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
BROKEN_BODY = "broken_body"
WRONG_BYTES = "wrong_bytes"
KINDS: Mapping[str, Collection[str]] = {
    UNREACHABLE: (),
    SILENCE: (),
    STATUS: ("status", "retry_after"),
    EXPIRED_TOKEN: (),
    LATENCY: ("seconds",),
    BROKEN_BODY: ("after_bytes",),
    WRONG_BYTES: (),
}
"""The kinds of fault, with the keys that belong to each."""
ROUTES = ("manifests", "blobs", "referrers", "base", "other")
"""The requests to a registry: its parts below ``/v2/``, ``/v2/`` itself, and everything else, like tokens."""
_PATH = re.compile(r"/v2/(.+)/(manifests|blobs|referrers)/[^/]+")


class UpstreamFaults:
    """The faults by upstream host. Safe to use from many threads. They are one ``ports.nodes.SharedSetting``."""

    def __init__(self, clock: Clock, chances: Chances) -> None:
        self.changing: Changing = nullcontext
        self._clock = clock
        self._chances = chances
        self._by_host: dict[str, Faults] = {}
        self._lock = Lock()

    def at(self, host: str) -> Faults:
        """Return the faults of a host, to which more can be added."""
        with self._lock:
            if host.lower() not in self._by_host:
                syntax = FaultSyntax(KINDS, ("repository",), _targets)
                changing = lambda: self.changing()  # noqa: E731, PLW0108 - it is replaced when the faults are shared
                faults = Faults(syntax, self._clock, self._chances, changing)
                self._by_host[host.lower()] = faults
            return self._by_host[host.lower()]

    def hits(self, host: str, method: str, path: str) -> list[Fault]:
        """Return the faults that hit a request. ``host`` is the one that upstreams name, whatever stands in for it."""
        if host not in self._by_host:
            return []
        found = _PATH.fullmatch(path)
        route = found[2] if found else "base" if path == "/v2/" else "other"
        return self._by_host[host].hits({route, f"{method} {route}"}, {"repository": found[1] if found else ""})

    def clear(self) -> None:
        """End all faults of all hosts."""
        for faults in self._all().values():
            faults.clear()

    def snapshot(self) -> dict[str, Any]:
        """Return the faults of all hosts, for ``restore``."""
        return {host: faults.snapshot() for host, faults in self._all().items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Inject the faults of a snapshot instead of those in force."""
        self.clear()
        for host, faults in snapshot.items():
            self.at(host).restore(faults)

    def dump(self) -> dict[str, Any]:
        """Return the faults of all hosts as a JSON document."""
        return {host: faults.dump() for host, faults in self._all().items()}

    def load(self, document: Mapping[str, Any]) -> None:
        """Take over the faults of another node."""
        for host, faults in self._all().items():
            if host not in document:
                faults.load(NO_FAULTS)
        for host, faults in document.items():
            self.at(host).load(faults)

    def _all(self) -> dict[str, Faults]:
        with self._lock:
            return dict(self._by_host)


def _targets() -> set[str]:
    return {target for route in ROUTES for target in (route, f"GET {route}", f"HEAD {route}")}
