"""The images that a lifecycle policy selects.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.lifecycle_policy import (
    ANY,
    ARCHIVE,
    COUNT,
    PULLED,
    TRANSITIONED,
    UNTAGGED,
    LifecyclePolicy,
    LifecycleRule,
)
from ecr_emulator.domain.wildcards import matches
from ecr_emulator.quick_dataclasses import dataclass

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that rules consider.

    A bound image (an index lists it, or the repository has its subject) counts in rules, but no rule acts on it.
    An incomplete image sorts before all others in rules that count images, so it displaces no complete image.
    """

    image: Image
    is_bound: bool = False
    is_incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Selected:
    """An image that the policy acts on, and the rule that selects it."""

    image: Image
    rule: LifecycleRule


def evaluate(policy: LifecyclePolicy, candidates: Iterable[Candidate], now: datetime) -> list[Selected]:
    """Return the images that the policy acts on: by rule in order of priority, oldest images first.

    Every rule considers all images. A later rule acts on no image that an earlier rule matched by storage class and
    tags, even if that image did not exceed the number or age in the earlier rule.
    """
    everything = list(candidates)
    claimed: set[str] = set()
    selected: list[Selected] = []
    for rule in policy.rules:
        matched = [candidate for candidate in everything if _concerns(rule, candidate.image)]
        selected += [
            Selected(candidate.image, rule)
            for candidate in _exceeding(rule, matched, now)
            if not candidate.is_bound and candidate.image.digest not in claimed
        ]
        claimed.update(candidate.image.digest for candidate in matched)
    return selected


def _concerns(rule: LifecycleRule, image: Image) -> bool:
    """Whether an image has the storage class and tags of a rule. Each entry of the rule's list must match a tag."""
    if (image.status == ARCHIVED) != (rule.storage_class == ARCHIVE):
        return False
    if rule.tag_status == ANY:
        return True
    if rule.tag_status == UNTAGGED:
        return not image.tags
    if rule.patterns:
        return all(any(matches(pattern, tag) for tag in image.tags) for pattern in rule.patterns)
    return all(any(tag.startswith(prefix) for tag in image.tags) for prefix in rule.prefixes)


def _exceeding(rule: LifecycleRule, candidates: list[Candidate], now: datetime) -> list[Candidate]:
    """Return the candidates beyond the number or age in the rule, oldest first, then in order of digest."""
    aged = sorted(candidates, key=lambda candidate: (_since(rule, candidate.image), candidate.image.digest))
    if rule.count_type == COUNT:
        aged.sort(key=lambda candidate: not candidate.is_incomplete)
        return aged[: max(0, len(aged) - rule.count_number)]
    return [candidate for candidate in aged if (now - _since(rule, candidate.image)) / DAY > rule.count_number]


def _since(rule: LifecycleRule, image: Image) -> datetime:
    """Return the time from which a rule counts the age of an image. A restored image counts from its restore."""
    arrived_at = image.last_activated_at or image.pushed_at
    if rule.count_type == TRANSITIONED:
        return image.last_archived_at or arrived_at
    if rule.count_type == PULLED:
        return max(image.last_pulled_at or arrived_at, arrived_at)
    return arrived_at
