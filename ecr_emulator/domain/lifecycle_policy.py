"""Lifecycle policies: rules that expire images of a repository or archive them.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ecr_emulator.domain.lifecycle_schema import departures
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.quick_dataclasses import dataclass

TAGGED, UNTAGGED, ANY = "tagged", "untagged", "any"
STANDARD, ARCHIVE = "standard", "archive"
EXPIRE, TRANSITION = "expire", "transition"
COUNT = "imageCountMoreThan"
PUSHED = "sinceImagePushed"
PULLED = "sinceImagePulled"
TRANSITIONED = "sinceImageTransitioned"

MAX_WILDCARDS = 4
MIN_ARCHIVED_DAYS = 90
"""Minimum time in days for which ECR stores an archived image."""
_MAX_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule with the names and values of the document. ``count_number`` is a number of images or of days.

    A rule for tagged images has either ``prefixes`` or ``patterns``; other rules have neither.
    """

    priority: int
    tag_status: str
    prefixes: tuple[str, ...]
    patterns: tuple[str, ...]
    storage_class: str
    count_type: str
    count_number: int
    action: str


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """A policy that ECR accepts. ``text`` is its compact JSON. The rules are in order of priority in both fields."""

    text: str
    rules: tuple[LifecycleRule, ...]


@lru_cache(maxsize=16)
def read_lifecycle_policy(text: str) -> LifecyclePolicy:
    """Parse a policy document. Raises ``InvalidParameterException`` with ECR's reason.

    The last policies are remembered: an evaluation reads its policy in each of its steps.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unambiguous)
        if not isinstance(document, dict):
            raise ValueError("not an object")
        _compact(document).encode()
        wrong_places = departures(document)
    except (ValueError, RecursionError) as wrong:
        raise _refusal(_UNREADABLE) from wrong
    if wrong_places:
        raise _invalid("\n".join(wrong_places))
    rules = [_rule(rule) for rule in document["rules"]]
    for contradiction in _contradictions(rules):
        raise _invalid(contradiction)
    in_order = sorted(document["rules"], key=lambda rule: rule["rulePriority"])
    return LifecyclePolicy(_compact({"rules": in_order}), tuple(sorted(rules, key=lambda rule: rule.priority)))


# --- Reading ---------------------------------------------------------------------------------------------

_UNREADABLE = "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy."


def _refusal(reason: str) -> InvalidParameterException:
    return InvalidParameterException.at("LifecyclePolicyText", reason)


def _invalid(reason: str) -> InvalidParameterException:
    return _refusal(f"Lifecycle policy validation failure: {reason}")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key comes twice")
    return members


def _rule(rule: dict[str, Any]) -> LifecycleRule:
    """Convert a rule that matches the schema. Raises ``InvalidParameterException``: ECR checks more than the schema."""
    selection, action = rule["selection"], rule["action"]
    if action == {"type": TRANSITION} or max(rule["rulePriority"], selection["countNumber"]) > _MAX_INTEGER:
        raise _refusal(_UNREADABLE)
    if any(pattern.count("*") > MAX_WILDCARDS for pattern in selection.get("tagPatternList", ())):
        raise _refusal(f"Invalid tag pattern provided. Total number of * must not exceed {MAX_WILDCARDS}")
    return LifecycleRule(
        priority=rule["rulePriority"],
        tag_status=selection["tagStatus"],
        prefixes=tuple(selection.get("tagPrefixList", ())),
        patterns=tuple(selection.get("tagPatternList", ())),
        storage_class=selection.get("storageClass", STANDARD),
        count_type=selection["countType"],
        count_number=selection["countNumber"],
        action=action["type"],
    )


# --- Checks beyond the schema ----------------------------------------------------------------------------


def _contradictions(rules: list[LifecycleRule]) -> Iterator[str]:
    for rule in rules:
        yield from _wrong_tags(rule)
        yield from _wrong_storage(rule)
    if len({rule.priority for rule in rules}) < len(rules):
        yield "Duplicate priority in multiple rules"
    for storage_class in (STANDARD, ARCHIVE):
        yield from _conflicts([rule for rule in rules if rule.storage_class == storage_class])


def _wrong_tags(rule: LifecycleRule) -> Iterator[str]:
    if rule.tag_status != TAGGED:
        if rule.prefixes or rule.patterns:
            given = "tagPrefixList" if rule.prefixes else "tagPatternList"
            yield f"Cannot specify {given} with tagStatus {rule.tag_status}"
    elif not (rule.prefixes or rule.patterns):
        yield "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
    elif rule.prefixes and rule.patterns:
        yield "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList"


def _wrong_storage(rule: LifecycleRule) -> Iterator[str]:
    is_transitioned = rule.count_type == TRANSITIONED
    if rule.storage_class == ARCHIVE and not is_transitioned:
        yield "SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the STANDARD storage class only"
    if rule.storage_class == STANDARD and is_transitioned:
        yield "SINCE_IMAGE_TRANSITIONED supports the ARCHIVE storage class only"
    if rule.count_type == PULLED and rule.action == EXPIRE:
        yield "SINCE_IMAGE_PULLED supports the TRANSITION action only"
    if is_transitioned and rule.action == TRANSITION:
        yield "SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only"
    if is_transitioned and rule.count_number < MIN_ARCHIVED_DAYS:
        yield f"SINCE_IMAGE_TRANSITIONED must have a countNumber of at least {MIN_ARCHIVED_DAYS} days"


def _conflicts(rules: list[LifecycleRule]) -> Iterator[str]:
    """Yield a sentence for each conflict between the rules of one storage class."""
    statuses = Counter(rule.tag_status for rule in rules)
    if statuses[UNTAGGED] > 1:
        yield "Only one rule can select Untagged images per storage class."
    if statuses[ANY] > 1:
        yield "Only one rule can specify tagStatus=ANY"
    if statuses[ANY] and max(rules, key=lambda rule: rule.priority).tag_status != ANY:
        yield "Rule for tagStatus=ANY must have the lowest priority per storage class"
    lists = Counter(frozenset(rule.prefixes) for rule in rules if rule.prefixes)
    if any(number > 1 for number in lists.values()):
        yield "Prefix lists in multiple rules"
