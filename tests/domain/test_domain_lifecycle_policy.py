"""Lifecycle policies: the errors for invalid ones, and the form in which ECR stores valid ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_emulator.domain.lifecycle_policy import LifecycleRule, read_lifecycle_policy
from ecr_emulator.errors import InvalidParameterException

UNREADABLE = "Lifecycle policy parsing failure: Could not map policyString into LifecyclePolicy."
EXPIRE = {"type": "expire"}
TRANSITION = {"type": "transition", "targetStorageClass": "archive"}
OLD = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
MANY = {"countType": "imageCountMoreThan", "countNumber": 30}
UNUSED = {"countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}
ARCHIVED = {"storageClass": "archive", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 365}


def rule(priority: Any = 1, *, action: Any = EXPIRE, **selection: Any) -> dict[str, Any]:
    return {"rulePriority": priority, "selection": {"tagStatus": "any", **MANY} | selection, "action": action}


def tagged(priority: int, **lists: list[str]) -> dict[str, Any]:
    return rule(priority, tagStatus="tagged", **lists)


def without(path: str) -> dict[str, Any]:
    """Return a rule without one of its members."""
    changed = rule()
    *outer, name = path.split(".")
    holder = changed[outer[0]] if outer else changed
    del holder[name]
    return changed


def refusal_of(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InvalidParameterException) as refused:
        read_lifecycle_policy(text)
    before, _, constraint = str(refused.value).partition(" failed to satisfy constraint: ")
    assert before == "Invalid parameter at 'LifecyclePolicyText'"
    return constraint[1:-1]


UNREADABLE_TEXTS = {
    "no JSON": "rules: []",
    "nothing": "",
    "a list": "[]",
    "a string": '"rules"',
    "null": "null",
    "a number that is none": '{"rules": [NaN]}',
    "a number beyond all bounds": '{"rules": [1e999]}',
    "a number that is too long": '{"rules": [' + "9" * 5_000 + "]}",
    "too deep": '{"rules":' * 5_000,
    "too deep in a list": '{"rules":' + "[" * 9_000 + "]" * 9_000 + "}",
    "half a character": '{"rules": "\\ud83d"}',
    "a key that comes twice": '{"rules": [], "rules": []}',
    "a transition to nowhere": json.dumps({"rules": [rule(action={"type": "transition"})]}),
    "a number that is no 32-bit integer": json.dumps({"rules": [rule(countNumber=2**31)]}),
    "a priority that is no 32-bit integer": json.dumps({"rules": [rule(2**31)]}),
}


@pytest.mark.parametrize("text", UNREADABLE_TEXTS.values(), ids=UNREADABLE_TEXTS.keys())
def test_a_text_that_is_no_policy_is_refused(text: str) -> None:
    assert refusal_of(text) == UNREADABLE


NOT_ALLOWED = "object instance has properties which are not allowed by the schema: "
NOT_AN_OBJECT = 'does not match any allowed primitive type (allowed: ["object"])'
NO_SCHEMA = "instance failed to match exactly one schema "
DEPARTURES: list[tuple[Any, str]] = [
    ({}, 'object has missing required properties (["rules"])'),
    ({"rules": [{}]}, 'object has missing required properties (["action","rulePriority","selection"])'),
    ({"rules": [without("action")]}, 'object has missing required properties (["action"])'),
    ({"rules": [without("selection.tagStatus")]}, 'object has missing required properties (["tagStatus"])'),
    ({"rules": [without("selection.countType")]}, 'object has missing required properties (["countType"])'),
    ({"rules": [without("selection.countNumber")]}, 'object has missing required properties (["countNumber"])'),
    ({"rules": [rule(action={})]}, 'object has missing required properties (["type"])'),
    ({"rules": {}}, 'instance type (object) does not match any allowed primitive type (allowed: ["array"])'),
    (
        {"rules": [rule(number) for number in range(1, 52)]},
        "array is too long: must have at most 50 elements but instance has 51 elements",
    ),
    ({"rules": []}, "array is too short: must have at least 1 elements but instance has 0 elements"),
    ({"rules": [rule()], "unknown": 1}, f'{NOT_ALLOWED}(["unknown"])'),
    ({"rules": [rule()], "b": 1, "a": 2}, f'{NOT_ALLOWED}(["a","b"])'),
    ({"rules": [rule() | {"unknown": 1}]}, f'{NOT_ALLOWED}(["unknown"])'),
    ({"rules": [rule(unknown=1)]}, f'{NOT_ALLOWED}(["unknown"])'),
    ({"rules": [rule(action=EXPIRE | {"unknown": 1})]}, f'{NOT_ALLOWED}(["unknown"])'),
    ({"rules": ["rule"]}, f"instance type (string) {NOT_AN_OBJECT}"),
    ({"rules": [None]}, f"instance type (null) {NOT_AN_OBJECT}"),
    ({"rules": [True]}, f"instance type (boolean) {NOT_AN_OBJECT}"),
    ({"rules": [1.5]}, f"instance type (number) {NOT_AN_OBJECT}"),
    ({"rules": [[]]}, f"instance type (array) {NOT_AN_OBJECT}"),
    (
        {"rules": [rule(countNumber="14")]},
        'instance type (string) does not match any allowed primitive type (allowed: ["integer"])',
    ),
    (
        {"rules": [rule(countNumber=True)]},
        'instance type (boolean) does not match any allowed primitive type (allowed: ["integer"])',
    ),
    (
        {"rules": [rule(1.0)]},
        'instance type (number) does not match any allowed primitive type (allowed: ["integer"])',
    ),
    (
        {"rules": [tagged(1, tagPrefixList=[5])]},  # type: ignore[list-item]
        'instance type (integer) does not match any allowed primitive type (allowed: ["string"])',
    ),
    (
        {"rules": [rule(action={"type": "keep"})]},
        'instance value ("keep") not found in enum (possible values: ["expire","transition"])',
    ),
    (
        {"rules": [rule(tagStatus="ANY")]},
        'instance value ("ANY") not found in enum (possible values: ["tagged","untagged","any"])',
    ),
    (
        {"rules": [rule(**OLD | {"countUnit": "weeks"})]},
        'instance value ("weeks") not found in enum (possible values: ["days"])',
    ),
    (
        {"rules": [rule(storageClass="glacier")]},
        'instance value ("glacier") not found in enum (possible values: ["standard","archive"])',
    ),
    ({"rules": [rule(countType="sinceForever")]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(countUnit="days")]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(countType="sinceImagePushed")]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(countUnit=None)]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(**OLD | {"countUnit": None})]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(**UNUSED | {"countUnit": None}, action=TRANSITION)]}, f"{NO_SCHEMA}(matched 0 out of 4)"),
    ({"rules": [rule(action=EXPIRE | {"targetStorageClass": None})]}, f"{NO_SCHEMA}(matched 0 out of 2)"),
    ({"rules": [rule(action=TRANSITION | {"targetStorageClass": None})]}, f"{NO_SCHEMA}(matched 0 out of 2)"),
    ({"rules": [rule(action=TRANSITION | {"targetStorageClass": "glacier"})]}, f"{NO_SCHEMA}(matched 0 out of 2)"),
    ({"rules": [rule(action=TRANSITION | EXPIRE)]}, f"{NO_SCHEMA}(matched 0 out of 2)"),
    (
        {"rules": [rule(countNumber=0)]},
        "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
    ),
    ({"rules": [rule(-7)]}, "numeric instance is lower than the required minimum (minimum: 1, found: -7)"),
]


@pytest.mark.parametrize(("document", "sentence"), DEPARTURES, ids=[f"{n}" for n in range(len(DEPARTURES))])
def test_a_policy_that_does_not_match_the_schema_is_refused(document: Any, sentence: str) -> None:
    assert refusal_of(document) == f"Lifecycle policy validation failure: {sentence}"


NO_TAGS = "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
STANDARD_ONLY = (
    "SINCE_IMAGE_PUSHED, SINCE_IMAGE_PULLED and IMAGE_COUNT_MORE_THAN support the STANDARD storage class only"
)
ANY_IS_LAST = "Rule for tagStatus=ANY must have the lowest priority per storage class"
CONTRADICTIONS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "the same priority twice": (
        [rule(1, tagStatus="untagged"), rule(1)],
        "Duplicate priority in multiple rules",
    ),
    "tagged without a list": ([tagged(1)], NO_TAGS),
    "tagged with an empty list": ([tagged(1, tagPatternList=[])], NO_TAGS),
    "tagged with both lists": (
        [tagged(1, tagPatternList=["a*"], tagPrefixList=["a"])],
        "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList",
    ),
    "untagged with prefixes": (
        [rule(tagStatus="untagged", tagPrefixList=["a"])],
        "Cannot specify tagPrefixList with tagStatus untagged",
    ),
    "any with patterns": ([rule(tagPatternList=["a"])], "Cannot specify tagPatternList with tagStatus any"),
    "two rules for untagged images": (
        [rule(1, tagStatus="untagged"), rule(2, tagStatus="untagged")],
        "Only one rule can select Untagged images per storage class.",
    ),
    "any before others": ([rule(1), rule(2, tagStatus="untagged")], ANY_IS_LAST),
    "any before others, written last": ([rule(2, tagStatus="untagged"), rule(1)], ANY_IS_LAST),
    "two rules for any image": ([rule(1), rule(2)], "Only one rule can specify tagStatus=ANY"),
    "the same prefixes twice": (
        [tagged(1, tagPrefixList=["a", "b"]), tagged(2, tagPrefixList=["b", "a"])],
        "Prefix lists in multiple rules",
    ),
    "counting archived images": ([rule(storageClass="archive")], STANDARD_ONLY),
    "the age of archived images": ([rule(storageClass="archive", **OLD)], STANDARD_ONLY),
    "the time in the archive, of others": (
        [rule(**ARCHIVED | {"storageClass": "standard"})],
        "SINCE_IMAGE_TRANSITIONED supports the ARCHIVE storage class only",
    ),
    "expiring what is not pulled": ([rule(**UNUSED)], "SINCE_IMAGE_PULLED supports the TRANSITION action only"),
    "archiving what is archived": (
        [rule(action=TRANSITION, **ARCHIVED)],
        "SINCE_IMAGE_TRANSITIONED supports the EXPIRE action only",
    ),
    "expiring the archive too early": (
        [rule(**ARCHIVED | {"countNumber": 89})],
        "SINCE_IMAGE_TRANSITIONED must have a countNumber of at least 90 days",
    ),
}


@pytest.mark.parametrize(("rules", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_contradictory_rules_are_refused(rules: list[dict[str, Any]], sentence: str) -> None:
    assert refusal_of({"rules": rules}) == f"Lifecycle policy validation failure: {sentence}"


def test_a_pattern_with_five_wildcards_is_refused() -> None:
    read_lifecycle_policy(json.dumps({"rules": [tagged(1, tagPatternList=["*a*b*c*"])]}))
    sentence = "Invalid tag pattern provided. Total number of * must not exceed 4"
    assert refusal_of({"rules": [tagged(1, tagPatternList=["*a*b*c*d*"])]}) == sentence


NOT_AN_ARRAY = 'instance type (null) does not match any allowed primitive type (allowed: ["array"])'
ZERO = "numeric instance is lower than the required minimum (minimum: 1, found: 0)"
MANY_DEPARTURES: dict[str, tuple[Any, list[str]]] = {
    "both lists are null": (
        {"rules": [rule(tagPatternList=None, tagPrefixList=None)]},
        [NOT_AN_ARRAY, NOT_AN_ARRAY],
    ),
    "in each rule, and nobody says what unit": (
        {"rules": [rule(1, countUnit=None), rule(2, countUnit=None)]},
        [f"{NO_SCHEMA}(matched 0 out of 4)", f"{NO_SCHEMA}(matched 0 out of 4)"],
    ),
    "members are named in order": (
        {"rules": [rule(0, tagStatus="all", countNumber=0, action={"type": "keep"})]},
        [
            'instance value ("keep") not found in enum (possible values: ["expire","transition"])',
            ZERO,
            ZERO,
            'instance value ("all") not found in enum (possible values: ["tagged","untagged","any"])',
        ],
    ),
    "two of one object": (
        {"rules": [{"rulePriority": 1, "selection": rule()["selection"], "unknown": 1}]},
        [f'{NOT_ALLOWED}(["unknown"])', 'object has missing required properties (["action"])'],
    ),
    "what is wrong itself hides what is wrong inside": (
        {"rules": [rule(countNumber=0) | {"unknown": 1}, rule(0)]},
        [f'{NOT_ALLOWED}(["unknown"])', ZERO],
    ),
    "the outermost": ({"rules": [rule(countNumber=0)], "unknown": 1}, [f'{NOT_ALLOWED}(["unknown"])']),
}


@pytest.mark.parametrize(("document", "sentences"), MANY_DEPARTURES.values(), ids=MANY_DEPARTURES.keys())
def test_each_schema_error_has_a_line(document: Any, sentences: list[str]) -> None:
    assert refusal_of(document) == "Lifecycle policy validation failure: " + "\n".join(sentences)


def test_a_policy_is_stored_in_order_of_priority_and_in_compact_form() -> None:
    document = {
        "rules": [
            rule(30, action=TRANSITION, **UNUSED) | {"description": "Grüße \U0001f433"},
            rule(20, **ARCHIVED),
            tagged(1, tagPatternList=["prod-*", "*-arm"]),
            rule(2, tagStatus="untagged", **OLD),
            tagged(3, tagPrefixList=["ci-"]),
            tagged(4, tagPrefixList=["ci-", "pr-"]),
        ]
    }
    policy = read_lifecycle_policy(json.dumps(document, indent=4))
    document["rules"].sort(key=lambda rule: rule["rulePriority"])
    assert policy.text == json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert [each.priority for each in policy.rules] == [1, 2, 3, 4, 20, 30]
    assert policy.rules[0] == LifecycleRule(
        priority=1,
        tag_status="tagged",
        prefixes=(),
        patterns=("prod-*", "*-arm"),
        storage_class="standard",
        count_type="imageCountMoreThan",
        count_number=30,
        action="expire",
    )
    assert policy.rules[4].storage_class == "archive"
    assert policy.rules[5].action == "transition"


KEYS = st.sampled_from(
    [
        "rules",
        "rulePriority",
        "selection",
        "action",
        "tagStatus",
        "tagPrefixList",
        "tagPatternList",
        "storageClass",
        "countType",
        "countUnit",
        "countNumber",
        "type",
        "targetStorageClass",
        "description",
    ]
)
VALUES = st.sampled_from(
    [
        "tagged",
        "untagged",
        "any",
        "standard",
        "archive",
        "imageCountMoreThan",
        "sinceImagePushed",
        "sinceImagePulled",
        "sinceImageTransitioned",
        "days",
        "expire",
        "transition",
        "*",
        "prod-*",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | VALUES
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=8)
)


@given(st.text() | DOCUMENTS.map(json.dumps) | st.lists(DOCUMENTS).map(lambda rules: json.dumps({"rules": rules})))
def test_any_text_is_a_policy_or_is_refused_with_a_reason(text: str) -> None:
    try:
        policy = read_lifecycle_policy(text)
    except InvalidParameterException as refused:
        assert "Lifecycle policy" in str(refused) or "Invalid tag pattern" in str(refused)  # noqa: PT017
    else:
        sent = json.loads(text)["rules"]
        assert json.loads(policy.text)["rules"] == sorted(sent, key=lambda rule: rule["rulePriority"])
