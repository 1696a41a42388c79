"""Forecasts of lifecycle policies over the emulator's time, for people."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.lifecycle_forecast import Forecast, forecast
from ecr_emulator.domain.lifecycle_policy import read_lifecycle_policy
from ecr_emulator.domain.repository import Repository
from ecr_emulator.ports.store import Store
from ecr_emulator.services.background import Background
from ecr_emulator.services.lifecycle import INTERVAL, Incoming, find_all_candidates, find_evaluation

MOST_IMAGES = 1_000
"""Number of images up to which a repository has a forecast: every evaluation in it looks at all of them."""
MOST_EVALUATIONS = 30
"""Number of evaluations with actions that a forecast has."""


class LifecycleForecasts:
    """Forecasts policies of repositories. ``incoming`` returns the images that policies must ignore."""

    def __init__(self, store: Store, background: Background, incoming: Incoming) -> None:
        self._store = store
        self._background = background
        self._incoming = incoming

    def forecast(self, repository: Repository, policy: str, now: datetime) -> Forecast | None:
        """Return what a policy will do if nothing else changes; None if the repository has too many images.

        The first evaluation is the one that is scheduled for the repository, or that of a policy put now. Raises
        ``InvalidParameterException`` with the reason why ECR refuses the policy.
        """
        rules = read_lifecycle_policy(policy)
        with self._store.reading() as work:
            if work.images.count(repository) > MOST_IMAGES:
                return None
            scheduled = find_evaluation(work, repository)
            candidates = find_all_candidates(work, repository, self._incoming)
        first = self._background.performed_at(scheduled) if scheduled else now + INTERVAL
        return forecast(rules, candidates, first, MOST_EVALUATIONS)
