"""Forecast of a lifecycle policy: the images on which it will act, and when, if nothing else changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.lifecycle import DAY, Candidate, Selected, evaluate, next_match
from ecr_emulator.domain.lifecycle_policy import EXPIRE, LifecyclePolicy, LifecycleRule


class ForecastAction(NamedTuple):
    """An image that a rule will expire or archive, and the time of the evaluation that does it."""

    at: datetime
    image: Image
    rule: LifecycleRule


class Forecast(NamedTuple):
    """Actions in the order in which they happen. Unless it ``is_complete``, more will follow at later times."""

    actions: list[ForecastAction]
    is_complete: bool = True


def forecast(policy: LifecyclePolicy, candidates: Iterable[Candidate], first: datetime, most: int) -> Forecast:
    """Perform the daily evaluations from the ``first`` one on, at most ``most`` of those that act on images.

    Referrers expire, or are archived, together with their subject.
    """
    images = _Images(candidates)
    actions: list[ForecastAction] = []
    at: datetime | None = first
    number = 0
    while at is not None:
        selected = evaluate(policy, images.here.values(), at)
        if selected and number == most:
            return Forecast(actions, is_complete=False)
        number += bool(selected)
        for each in selected:
            actions += images.act(each, at)
        # What bound an image may be gone now, so the next evaluation may act on more.
        at = at + DAY if selected else _next_evaluation(policy, images.here.values(), at)
    return Forecast(actions)


def _next_evaluation(policy: LifecyclePolicy, candidates: Iterable[Candidate], at: datetime) -> datetime | None:
    """Return the first daily evaluation that can act on an image, if that of a time did nothing; None if none can."""
    matches = [match for each in candidates if (match := next_match(policy, each, at))]
    if not matches:
        return None
    return at + DAY * ((min(matches) - at) // DAY + 1)


class _Images:
    """The images that are ``here`` at a time of the forecast, by digest, and how they bind each other."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self.here = {candidate.image.digest: candidate for candidate in candidates}
        self._referrers: dict[str, list[str]] = defaultdict(list)
        self._bound_to: dict[str, list[str]] = defaultdict(list)
        for digest, candidate in self.here.items():
            if candidate.image.subject:
                self._referrers[candidate.image.subject].append(digest)
            for binding in candidate.bound_by:
                self._bound_to[binding].append(digest)

    def act(self, selected: Selected, at: datetime) -> list[ForecastAction]:
        """Change the images as the evaluation does, and return the actions on the image and its referrers."""
        rule = selected.rule
        together = self._with_referrers(selected.image.digest) if selected.image.digest in self.here else []
        actions = [ForecastAction(at, self.here[digest].image, rule) for digest in together]
        for digest in together:
            if rule.action == EXPIRE:
                del self.here[digest]
            else:
                candidate = self.here[digest]
                archived = replace(candidate.image, status=ARCHIVED, last_archived_at=at)
                self.here[digest] = replace(candidate, image=archived)
        for digest in together:
            self._unbind(digest)
        return actions

    def _with_referrers(self, digest: str) -> list[str]:
        """Return an image, its referrers, their referrers, and so on."""
        together = [digest]
        for subject in together:  # the loop also covers the referrers that it adds
            together += [each for each in self._referrers[subject] if each in self.here]
        return together

    def _unbind(self, changed: str) -> None:
        """Free the images that an expired or archived image bound. An archived subject still binds its referrers."""
        for digest in self._bound_to[changed]:
            bound = self.here.get(digest)
            if bound and (changed not in self.here or changed != bound.image.subject):
                self.here[digest] = replace(bound, bound_by=bound.bound_by - {changed})
