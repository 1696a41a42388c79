"""Images that upstreams did not have or show a moment ago, which they are not asked for again at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ecr_emulator.domain.pull_through import PullThroughRule
from ecr_emulator.ports.secrets import Credential
from ecr_emulator.ports.upstream_failures import UpstreamAccessDenied, UpstreamNotFound, UpstreamUnsupported
from ecr_emulator.upstream.patience import Patience
from ecr_emulator.upstream.standing import StandingRefusals

Found = TypeVar("Found")


class Miss(NamedTuple):
    """What was asked for, by which rule and as whom: a rule or a secret that was changed has missed nothing yet."""

    rule: PullThroughRule
    credential: Credential | None
    name: str
    reference: str


@dataclass(frozen=True, slots=True)
class Misses:
    """The misses of one rule with one credential; ``standing`` holds those of all."""

    standing: StandingRefusals[Miss]
    rule: PullThroughRule
    credential: Credential | None
    patience: Patience

    def unless_missed(self, name: str, reference: str, ask: Callable[[], Found]) -> Found:
        """What asking brings, or the refusal that it brought a moment ago. Raises ``UpstreamFailure``."""
        miss = Miss(self.rule, self.credential, name, reference)
        self.standing.check(miss)
        try:
            return ask()
        except (UpstreamNotFound, UpstreamUnsupported) as absent:
            self.standing.keep(miss, absent, self.patience.absence)
            raise
        except UpstreamAccessDenied as denied:
            self.standing.keep(miss, denied, self.patience.denial)
            raise
