"""What a lifecycle policy selects.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that rules look at. One that is bound counts but stays: an index lists it, or its subject decides.

    One that is incomplete takes nobody's place: where images are counted, it comes after all others.
    """

    image: Image
    is_bound: bool = False
    is_incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Selected:
    """An image that the policy would act on, and the rule by which."""

    image: Image
    rule: LifecycleRule


def evaluate(policy: LifecyclePolicy, candidates: Iterable[Candidate], now: datetime) -> list[Selected]:
    """What the policy acts on: rule by rule in order of priority, the oldest images first.

    Every rule sees all images, but those that a rule matches by their tags are its own, whether or not their time has
    come: no later rule may act on them.
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
    """Whether an image is of the storage class and the tags of a rule: a tag for each entry of its list."""
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
    """Those beyond the number or the age that the rule allows, the oldest first; of the same age, by digest."""
    aged = sorted(candidates, key=lambda candidate: (_since(rule, candidate.image), candidate.image.digest))
    if rule.count_type == COUNT:
        aged.sort(key=lambda candidate: not candidate.is_incomplete)
        return aged[: max(0, len(aged) - rule.count_number)]
    return [candidate for candidate in aged if (now - _since(rule, candidate.image)) / DAY > rule.count_number]


def _since(rule: LifecycleRule, image: Image) -> datetime:
    """The moment from which a rule counts the age of an image. One that was restored came anew at that time."""
    arrived_at = image.last_activated_at or image.pushed_at
    if rule.count_type == TRANSITIONED:
        return image.last_archived_at or arrived_at
    if rule.count_type == PULLED:
        return max(image.last_pulled_at or arrived_at, arrived_at)
    return arrived_at
