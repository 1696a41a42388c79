"""The services by which people look after the pull through cache."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.services.prefetch import Prefetch
from ecr_emulator.services.pull_through import RuleReports, TagRefresher


class CacheTools(NamedTuple):
    """Reports on rules, checks of tags at their upstreams, and imports of images before a client pulls them."""

    reports: RuleReports
    refresher: TagRefresher
    prefetch: Prefetch
