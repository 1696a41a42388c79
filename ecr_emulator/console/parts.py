"""The parts of the emulator that the pages use."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.ports.ecr_api import EcrApi
from ecr_emulator.ports.identities import Identities
from ecr_emulator.services import Services
from ecr_emulator.services.cache_history import CacheHistory
from ecr_emulator.services.clock_moves import MovableClock
from ecr_emulator.services.pull_through import RuleReports


class ConsoleParts(NamedTuple):
    """The services, ECR's API in process, and what the operator of the emulator may use.

    ``admin_token`` is the token that ``/_ecr`` needs; None if it needs none.
    """

    services: Services
    api: EcrApi
    identities: Identities
    clock: MovableClock
    rule_reports: RuleReports
    history: CacheHistory
    admin_token: str | None = None
