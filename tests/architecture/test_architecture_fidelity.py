"""docs/fidelity.md and its facts are complete and well-formed, and the operations, flags and errors in them exist."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from ecr_emulator import errors
from ecr_emulator.control.dispatch import handlers_by_operation
from ecr_emulator.settings import SETTINGS
from scripts.fidelity import AWS_PAGE, MARKS, RISKS, fidelity_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fidelity.md"
FACTS = ROOT / "specs" / "fidelity.toml"
COVERAGE = json.loads((ROOT / "specs" / "coverage.json").read_text(encoding="utf-8"))["operations"]


@pytest.fixture(scope="module")
def facts():
    return tomllib.loads(FACTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def test_every_operation_has_one_topic(facts):
    topics = Counter(name for topic in facts["topic"] for name in topic.get("operations", ()))
    assert topics == dict.fromkeys(COVERAGE, 1)


def test_every_fact_has_a_source_or_a_reason(facts):
    assert facts.keys() == {"topic", "difference"}
    for topic in facts["topic"]:
        assert topic.keys() <= {"title", "operations", *MARKS}, topic["title"]
        told = [fact for mark in MARKS for fact in topic.get(mark, ())]
        assert told, topic["title"]
        assert all(len(fact) == 2 and all(fact) for fact in told), topic["title"]


def test_every_difference_says_what_to_do(facts):
    for difference in facts["difference"]:
        assert difference.keys() == {"risk", "aws", "here", "advice"}
        assert difference["risk"] in RISKS
        assert all(difference.values())


def test_no_text_breaks_its_table(facts):
    texts = [text for difference in facts["difference"] for text in difference.values()]
    texts += [text for topic in facts["topic"] for mark in MARKS for fact in topic.get(mark, ()) for text in fact]
    assert not [text for text in texts if "|" in text or "\n" in text]


def test_every_handler_names_its_aws_page():
    for name, handler in handlers_by_operation().items():
        assert inspect.getdoc(handler).splitlines()[0] == AWS_PAGE.format(name)


def test_the_page_lists_every_operation_with_its_state(page):
    for name, state in COVERAGE.items():
        word = state if isinstance(state, str) else f"partial: {state['partial']}"
        assert f"| [{name}]({AWS_PAGE.format(name)}) | {word} |" in page


def test_the_page_is_what_the_script_generates(page):
    assert fidelity_page(page, FACTS.read_text(encoding="utf-8"), COVERAGE) == page


def test_no_link_is_broken(page):
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in re.findall("#+ (.+)", page)}
    for target in re.findall(r"\]\(([^)]+)\)", page):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (PAGE.parent / target).exists(), target


def test_flags_and_errors_on_the_page_exist(page):
    assert set(re.findall(r"--[a-z][a-z-]+", page)) <= {setting.flag for setting in SETTINGS.values()}
    assert all(hasattr(errors, name) for name in re.findall(r"\w+Exception\b", page))


def test_the_readme_links_the_page():
    assert "(docs/fidelity.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_facts_about_unknown_operations_are_refused():
    strange = 'difference = []\n[[topic]]\ntitle = "Tea"\noperations = ["MakeTea"]\n'
    with pytest.raises(LookupError, match="MakeTea"):
        fidelity_page("", strange, COVERAGE)


def test_an_unknown_table_is_refused():
    with pytest.raises(LookupError, match="tea"):
        fidelity_page("<!-- table: tea -->\n<!-- end -->", "topic = []\ndifference = []", COVERAGE)
