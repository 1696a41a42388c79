"""Forecast of a lifecycle policy: the images on which it will act, and when, if nothing else changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    here = {candidate.image.digest: candidate for candidate in candidates}
    actions: list[ForecastAction] = []
    at: datetime | None = first
    number = 0
    while at is not None:
        selected = evaluate(policy, here.values(), at)
        if selected and number == most:
            return Forecast(actions, is_complete=False)
        number += bool(selected)
        for each in selected:
            actions += _act(here, each, at)
        # What bound an image may be gone now, so the next evaluation may act on more.
        at = at + DAY if selected else _next_evaluation(policy, here.values(), at)
    return Forecast(actions)


def _next_evaluation(policy: LifecyclePolicy, candidates: Iterable[Candidate], at: datetime) -> datetime | None:
    """Return the first daily evaluation that can act on an image, if that of a time did nothing; None if none can."""
    matches = [match for each in candidates if (match := next_match(policy, each, at))]
    if not matches:
        return None
    return at + DAY * ((min(matches) - at) // DAY + 1)


def _act(here: dict[str, Candidate], selected: Selected, at: datetime) -> list[ForecastAction]:
    """Change the images as the evaluation does, and return the actions on the image and its referrers."""
    rule = selected.rule
    together = _with_referrers(here, selected.image.digest) if selected.image.digest in here else []
    actions = [ForecastAction(at, here[digest].image, rule) for digest in together]
    for digest in together:
        if rule.action == EXPIRE:
            del here[digest]
        else:
            candidate = here[digest]
            here[digest] = replace(candidate, image=replace(candidate.image, status=ARCHIVED, last_archived_at=at))
    _unbind(here, set(together))
    return actions


def _with_referrers(here: Mapping[str, Candidate], digest: str) -> list[str]:
    """Return an image, its referrers, their referrers, and so on."""
    together = [digest]
    for subject in together:  # the loop also covers the referrers that it adds
        together += [each for each, candidate in here.items() if candidate.image.subject == subject]
    return together


def _unbind(here: dict[str, Candidate], changed: set[str]) -> None:
    """Free the images that expired or archived images bound. A subject that is archived still binds its referrers."""
    for digest, candidate in list(here.items()):
        freed = {each for each in candidate.bound_by & changed if each not in here or each != candidate.image.subject}
        if freed:
            here[digest] = replace(candidate, bound_by=candidate.bound_by - freed)
