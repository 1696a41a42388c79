"""The images that a lifecycle policy selects.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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

    A bound image counts in rules, but no rule acts on it. ``bound_by`` has the digests of the images that bind it: the
    indexes that list it, unless they are archived, and its subject, if the repository has it.
    An incomplete image sorts before all others in rules that count images, so it displaces no complete image.
    """

    image: Image
    bound_by: frozenset[str] = frozenset()
    is_incomplete: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether no rule acts on the image."""
        return bool(self.bound_by)


@dataclass(frozen=True, slots=True)
class Selected:
    """An image that the policy acts on, and the rule that selects it."""

    image: Image
    rule: LifecycleRule


@dataclass(frozen=True, slots=True)
class Match:
    """An image that a rule counts, or that is older than the rule allows.

    Matches sort in the order in which a policy acts: by rule, incomplete images first, then oldest first. ``rule`` is
    the position of the rule in the policy. The rule may act on the image only if it ``is_free``: nothing binds it, and
    no earlier rule concerns it.
    """

    rule: int
    is_complete: bool
    since: datetime
    digest: str
    is_free: bool

    @property
    def place(self) -> tuple[int, bool, datetime, str]:
        """The place in the order of a policy's matches."""
        return self.rule, self.is_complete, self.since, self.digest


def find_matches(policy: LifecyclePolicy, candidate: Candidate, now: datetime) -> Iterator[Match]:
    """Yield the matches of one image; for rules by age, only if the rule acts on it."""
    image, is_free = candidate.image, not candidate.is_bound
    for position, rule in enumerate(policy.rules):
        if _concerns(rule, image):
            since, counts = _since(rule, image), rule.count_type == COUNT
            if counts or (is_free and (now - since) / DAY > rule.count_number):
                yield Match(position, counts and not candidate.is_incomplete, since, image.digest, is_free)
            is_free = False


def next_match(policy: LifecyclePolicy, candidate: Candidate, now: datetime) -> datetime | None:
    """Return the time after which a rule by age acts on an image if nothing else changes.

    None if there is no such time, or if it is over.
    """
    image = candidate.image
    rule = next((rule for rule in policy.rules if _concerns(rule, image)), None)
    if rule is None or rule.count_type == COUNT or candidate.is_bound:
        return None
    old_enough = _since(rule, image) + rule.count_number * DAY
    return old_enough if old_enough >= now else None


def number_beyond(rule: LifecycleRule, matches: int) -> int:
    """Return how many of the first of so many matches of a rule are beyond what the rule allows."""
    return max(0, matches - rule.count_number) if rule.count_type == COUNT else matches


def evaluate(policy: LifecyclePolicy, candidates: Iterable[Candidate], now: datetime) -> list[Selected]:
    """Return the images that the policy acts on: by rule in order of priority, oldest images first.

    Every rule considers all images. A later rule acts on no image that an earlier rule matched by storage class and
    tags, even if that image did not exceed the number or age in the earlier rule.
    """
    images: dict[str, Image] = {}
    matches: list[list[Match]] = [[] for _ in policy.rules]
    for candidate in candidates:
        images[candidate.image.digest] = candidate.image
        for match in find_matches(policy, candidate, now):
            matches[match.rule].append(match)
    return [
        Selected(images[match.digest], rule)
        for rule, found in zip(policy.rules, matches, strict=True)
        for match in sorted(found, key=lambda match: match.place)[: number_beyond(rule, len(found))]
        if match.is_free
    ]


def _concerns(rule: LifecycleRule, image: Image) -> bool:
    return (image.status == ARCHIVED) == (rule.storage_class == ARCHIVE) and has_tags_of(rule, image)


def has_tags_of(rule: LifecycleRule, image: Image) -> bool:
    """Whether an image has the tags of a rule. Each entry of the rule's list must match a tag."""
    if rule.tag_status == ANY:
        return True
    if rule.tag_status == UNTAGGED:
        return not image.tags
    if rule.patterns:
        return all(any(matches(pattern, tag) for tag in image.tags) for pattern in rule.patterns)
    return all(any(tag.startswith(prefix) for tag in image.tags) for prefix in rule.prefixes)


def _since(rule: LifecycleRule, image: Image) -> datetime:
    """Return the time from which a rule counts the age of an image. A restored image counts from its restore."""
    arrived_at = image.last_activated_at or image.pushed_at
    if rule.count_type == TRANSITIONED:
        return image.last_archived_at or arrived_at
    if rule.count_type == PULLED:
        return max(image.last_pulled_at or arrived_at, arrived_at)
    return arrived_at
