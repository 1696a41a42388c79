"""docs/decisions: every decision has the same headings, a date, and a row in the index."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
PAGES = sorted(DECISIONS.glob("0*.md"))
HEADINGS = ["Date", "Status", "Context", "Decision", "Consequences"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_the_five_headings(page):
    assert re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_heading_of_a_decision_is_empty(page):
    parts = re.split(r"^## .+$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert all(part.strip() for part in parts)


def test_the_index_lists_every_decision_with_its_title_and_date():
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[.+$", index, re.MULTILINE) == [_row(page) for page in PAGES]


def test_decisions_are_numbered_without_a_gap():
    assert [int(page.stem[:4]) for page in PAGES] == list(range(1, len(PAGES) + 1))


@pytest.mark.parametrize("page", [*PAGES, DECISIONS / "README.md"], ids=lambda page: page.stem)
def test_no_link_of_a_decision_is_broken(page):
    links = re.findall(r"\]\(([^)#]+)#?([^)]*)\)", page.read_text(encoding="utf-8"))
    for target, anchor in links:
        if not target.startswith("https://"):
            assert not anchor or anchor in _anchors(page.parent / target), (target, anchor)
            assert (page.parent / target).exists(), target


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _row(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    number, title = re.match(r"# (\d+)\. (.+)\n", text).groups()
    decided = date.fromisoformat(re.search(r"^## Date\n\n(.+)$", text, re.MULTILINE)[1])
    return f"| [{number}]({page.name}) | {title} | {decided} |"
