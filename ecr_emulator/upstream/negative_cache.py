"""Negative answers of upstreams, "not found" and "denied", which are remembered for a few seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamNotFound, UpstreamUnsupported
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.upstream.failure_cache import FailureCache

NEGATIVE_TTL = 5.0
"""Default number of seconds for which "not found" is remembered."""
DENIED_FACTOR = 2
"""Denials are remembered for longer than "not found": somebody has to change a credential first."""

Found = TypeVar("Found")


class NegativeKey(NamedTuple):
    """The subject of a negative answer. A changed rule or credential makes a new subject."""

    rule: PullThroughRule
    credential: Credential | None
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class NegativeCache:
    """The negative answers for one rule and credential. ``failures`` holds those of all; ``ttl`` is in seconds."""

    failures: FailureCache[NegativeKey]
    rule: PullThroughRule
    credential: Credential | None
    ttl: float

    def fetch(self, name: str, reference: str, ask: Callable[[], Found]) -> Found:
        """Ask the upstream, unless its negative answer is still remembered. Raises ``UpstreamFailure``."""
        key = NegativeKey(self.rule, self.credential, name, reference)
        self.failures.check(key)
        asked = self.failures.now()
        try:
            return ask()
        except (UpstreamNotFound, UpstreamUnsupported) as absent:
            self.failures.remember(key, absent, self.ttl, asked)
            raise
        except UpstreamAccessDenied as denied:
            self.failures.remember(key, denied, self.ttl * DENIED_FACTOR, asked)
            raise
