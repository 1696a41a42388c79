"""The images that a lifecycle policy selects: the examples of the user guide, and properties of every policy."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.image import ARCHIVED, Image
from ecr_emulator.domain.lifecycle import Candidate, evaluate
from ecr_emulator.domain.lifecycle_policy import LifecyclePolicy, read_lifecycle_policy

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EXPIRE = {"type": "expire"}
TRANSITION = {"type": "transition", "targetStorageClass": "archive"}


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def image(name: str, age: float, *tags: str, **more: Any) -> Image:
    return Image(f"sha256:{name}", "application/json", days(age), tags=tags, **more)


def policy_of(*rules: dict[str, Any]) -> LifecyclePolicy:
    return read_lifecycle_policy(json.dumps({"rules": rules}))


def keep(number: int, priority: int = 1, *, action: Any = EXPIRE, **selection: Any) -> dict[str, Any]:
    count = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": number}
    return {"rulePriority": priority, "selection": count | selection, "action": action}


def older_than(
    number: int, priority: int = 1, *, since: str = "Pushed", action: Any = EXPIRE, **selection: Any
) -> dict[str, Any]:
    age = {"tagStatus": "any", "countType": f"sinceImage{since}", "countUnit": "days", "countNumber": number}
    return {"rulePriority": priority, "selection": age | selection, "action": action}


def prefixed(*prefixes: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": prefixes}


def like(*patterns: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": patterns}


def selected(images: list[Image], *rules: dict[str, Any]) -> str:
    """Return the names of the images that a policy acts on, in alphabetical order."""
    found = evaluate(policy_of(*rules), map(Candidate, images), NOW)
    return "".join(sorted(each.image.digest.removeprefix("sha256:") for each in found))


PAIRS = [image("A", 10, "beta-1", "prod-1"), image("B", 9, "beta-2", "prod-2"), image("C", 8, "beta-3")]


def test_later_rules_do_not_act_on_an_image_that_an_earlier_rule_keeps() -> None:
    assert selected(PAIRS, keep(1, 1, **prefixed("prod")), keep(1, 2, **prefixed("beta"))) == "A"
    assert selected(PAIRS, keep(1, 1, **prefixed("beta")), keep(1, 2, **prefixed("prod"))) == "AB"


def test_every_rule_counts_all_images_but_acts_on_the_remaining_ones() -> None:
    images = [
        image("A", 4, "alpha-1", "beta-1"),
        image("B", 3),
        image("C", 2, "alpha-2"),
        image("D", 1, "4a5b6c"),
        image("E", 0.9),
    ]
    rules = [keep(1, 1, **prefixed("alpha")), older_than(1, 2, tagStatus="untagged"), keep(1, 3)]
    assert selected(images, *rules) == "ABD"


def test_an_image_needs_a_tag_for_every_entry_of_the_list() -> None:
    images = [
        image("A", 12, "alpha-1"),
        image("B", 11, "beta-1"),
        image("C", 10, "alpha-2", "beta-2"),
        image("D", 4, "alpha-3"),
        image("E", 3, "beta-3"),
        image("F", 2, "alpha-4", "beta-4"),
    ]
    assert selected(images, older_than(5, **prefixed("alpha", "beta"))) == "C"


def test_the_newest_of_those_that_match_all_prefixes_is_kept() -> None:
    images = [
        image("A", 10, "alpha-1", "beta-1", "gamma-1"),
        image("B", 9, "alpha-2", "beta-2"),
        image("C", 8, "alpha-3", "beta-3", "gamma-2"),
    ]
    assert selected(images, keep(1, **prefixed("alpha", "beta"))) == "AB"


def test_an_image_needs_a_tag_for_each_of_two_patterns() -> None:
    images = [image("A", 9, "1.temp"), image("B", 9, "1.temp-2"), image("C", 9, "1.temp", "1.temp-2")]
    assert selected(images, older_than(1, **like("*.temp", "*.temp-*"))) == "C"


def test_patterns_describe_the_whole_tag_and_tell_case_apart() -> None:
    images = [image("A", 9, "prod"), image("B", 9, "prod-1"), image("C", 9, "Prod-1"), image("D", 9, "a-prod-1")]
    assert selected(images, older_than(1, **like("prod"))) == "A"
    assert selected(images, older_than(1, **like("prod-*"))) == "B"
    assert selected(images, older_than(1, **like("*prod*"))) == "ABD"


def test_tag_status() -> None:
    images = [image("A", 9, "v1"), image("B", 9)]
    assert selected(images, older_than(1, tagStatus="untagged")) == "B"
    assert selected(images, older_than(1)) == "AB"


def test_an_image_is_too_old_only_after_its_last_day() -> None:
    assert selected([image("A", 14)], older_than(14)) == ""
    assert selected([image("A", 14 + 1e-6)], older_than(14)) == "A"
    assert selected([image("A", 14)], older_than(2**31 - 1)) == ""


def test_images_of_the_same_age_are_ordered_by_digest() -> None:
    assert selected([image("B", 9), image("A", 9), image("C", 9)], keep(1)) == "AB"


def test_images_are_selected_by_rule_and_then_by_age() -> None:
    images = [image("A", 1), image("B", 5, "v1"), image("C", 9, "v2"), image("D", 7)]
    found = evaluate(
        policy_of(older_than(2, 1, **prefixed("v")), older_than(1, 2, tagStatus="untagged")),
        map(Candidate, images),
        NOW + timedelta(days=1),
    )
    assert [(each.image.digest, each.rule.priority) for each in found] == [
        ("sha256:C", 1),
        ("sha256:B", 1),
        ("sha256:D", 2),
        ("sha256:A", 2),
    ]


def test_age_counts_from_the_last_pull_or_else_from_the_push() -> None:
    images = [
        image("A", 100),
        image("B", 100, last_pulled_at=days(91)),
        image("C", 100, last_pulled_at=days(5)),
        image("D", 5),
    ]
    assert selected(images, older_than(90, since="Pulled", action=TRANSITION)) == "AB"


def test_the_age_of_a_restored_image_counts_from_its_restore() -> None:
    restored = image("A", 400, last_pulled_at=days(300), last_archived_at=days(200), last_activated_at=days(10))
    assert selected([restored], older_than(90, since="Pulled", action=TRANSITION)) == ""
    assert selected([restored], older_than(90)) == ""
    assert selected([restored, image("B", 20)], keep(1)) == "B"
    assert selected([restored], older_than(9)) == "A"


def test_only_rules_of_the_archive_consider_archived_images() -> None:
    images = [
        image("A", 500, status=ARCHIVED, last_archived_at=days(100)),
        image("B", 500, status=ARCHIVED, last_archived_at=days(80)),
        image("C", 500),
    ]
    archive = {"storageClass": "archive", "since": "Transitioned"}
    assert selected(images, older_than(90, **archive)) == "A"
    assert selected(images, older_than(90)) == "C"
    assert selected(images, keep(1)) == ""
    assert selected(images, older_than(1, 1), older_than(90, 2, **archive)) == "AC"


def test_a_bound_image_counts_but_is_not_selected() -> None:
    candidates = [Candidate(image("A", 9), frozenset({"an index"})), Candidate(image("B", 8)), Candidate(image("C", 7))]
    found = evaluate(policy_of(keep(1)), candidates, NOW)
    assert [each.image.digest for each in found] == ["sha256:B"]


TAGS = st.lists(st.sampled_from(["a-1", "a-2", "b-1", "b-2", "ab"]), max_size=3, unique=True)
IMAGES = st.lists(st.tuples(st.integers(0, 9), TAGS), max_size=12).map(
    lambda drawn: [image(f"{n:02}", age, *tags) for n, (age, tags) in enumerate(drawn)]
)
SELECTIONS = st.sampled_from([prefixed("a"), prefixed("a", "b"), like("*1"), like("a*"), {"tagStatus": "untagged"}])


@st.composite
def policies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Generate rules in order of priority. A rule for any image is the last one."""
    chosen = draw(st.lists(SELECTIONS, max_size=3, unique_by=str)) + draw(st.sampled_from([[], [{}]]))
    return [
        draw(st.sampled_from([keep, older_than]))(draw(st.integers(1, 5)), place, **selection)
        for place, selection in enumerate(chosen or [{}], start=1)
    ]


@given(IMAGES, policies())
def test_no_image_is_selected_twice_and_order_does_not_matter(images: list[Image], rules: list[Any]) -> None:
    found = evaluate(policy_of(*rules), map(Candidate, images), NOW)
    digests = [each.image.digest for each in found]
    assert len(set(digests)) == len(digests)
    assert found == evaluate(policy_of(*reversed(rules)), map(Candidate, reversed(images)), NOW)


@given(IMAGES, policies())
def test_the_first_rule_selects_what_it_would_select_alone(images: list[Image], rules: list[Any]) -> None:
    together = evaluate(policy_of(*rules), map(Candidate, images), NOW)
    alone = evaluate(policy_of(rules[0]), map(Candidate, images), NOW)
    assert [each for each in together if each.rule.priority == 1] == alone


@given(IMAGES, st.integers(1, 5))
def test_a_count_rule_keeps_the_newest_images(images: list[Image], number: int) -> None:
    gone = [each.image for each in evaluate(policy_of(keep(number)), map(Candidate, images), NOW)]
    stay = [each for each in images if each not in gone]
    assert len(stay) == min(number, len(images))
    assert all(old.pushed_at <= new.pushed_at for old in gone for new in stay)


@given(IMAGES, policies())
def test_a_second_evaluation_of_a_single_rule_selects_nothing_more(images: list[Image], rules: list[Any]) -> None:
    first = policy_of(rules[0])
    gone = {each.image.digest for each in evaluate(first, map(Candidate, images), NOW)}
    left = [Candidate(each) for each in images if each.digest not in gone]
    assert evaluate(first, left, NOW) == []


def test_a_hundred_thousand_images() -> None:
    template = image("0", 0, "v1")
    images = [replace(template, digest=f"sha256:{n:06}", pushed_at=days(n / 1_000)) for n in range(100_000)]
    found = evaluate(policy_of(keep(10_000, **like("v*"))), map(Candidate, images), NOW)
    assert len(found) == 90_000
