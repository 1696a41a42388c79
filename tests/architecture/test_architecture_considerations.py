"""docs/pull-through-cache.md: its table lists the tests of every sentence on AWS's page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecr_emulator import errors
from ecr_emulator.settings import SETTINGS
from scripts.considerations import considerations_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "pull-through-cache.md"
SENTENCES = ROOT / "specs" / "considerations.toml"
TESTS = ROOT / "tests"
TABLE = "<!-- table: considerations -->\n<!-- end -->"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture
def tests(tmp_path):
    """Return a folder with one test, which is marked with S1."""
    (tmp_path / "test_tea.py").write_text('@pytest.mark.consideration("S1")\ndef test_tea_is_hot():\n    pass\n')
    return tmp_path


def test_the_table_is_what_the_script_generates(page):
    assert considerations_page(page, SENTENCES.read_text(encoding="utf-8"), TESTS) == page


def test_every_consideration_of_aws_is_listed():
    names = re.findall(r"^\[S(\d+)[a-d]?\]$", SENTENCES.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(number) for number in names} == set(range(1, 31)) - {28}


def test_no_link_is_broken(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page):
        assert target.startswith("https://") or (PAGE.parent / target).exists(), target


def test_flags_and_errors_on_the_page_exist(page):
    flags = {setting.flag for setting in SETTINGS.values()}
    assert set(re.findall(r"`(--[a-z-]+)", page)) <= flags
    assert all(hasattr(errors, name) for name in re.findall(r"\w+Exception\b", page))


def test_the_readme_links_the_page():
    assert "(docs/pull-through-cache.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_row_links_its_tests_in_words(tests):
    made = considerations_page(TABLE, '[S1]\nsays = "Tea is hot."', tests)
    assert "| S1 | Tea is hot. |  | [tea is hot](../tests/" in made


@pytest.mark.parametrize(
    ("sentences", "complaint"),
    [
        ('[S1]\nsays = "Tea."\n[S2]\nsays = "Milk."', r"without a test: \['S2'\]"),
        ('[S2]\nsays = "Milk."\nopen = "no milk"', r"no such considerations: \['S1'\]"),
        ('[S1]\nsays = "Tea."\nopen = "no tea"', r"called open and tested: \['S1'\]"),
    ],
)
def test_marks_and_sentences_must_fit_together(tests, sentences, complaint):
    with pytest.raises(LookupError, match=complaint):
        considerations_page(TABLE, sentences, tests)


def test_an_open_consideration_has_a_reason(tests):
    made = considerations_page(TABLE, '[S1]\nsays = "Tea."\n[S2]\nsays = "Milk."\nopen = "there is none."', tests)
    assert "| S2 | Milk. |  | none: there is none. |" in made
