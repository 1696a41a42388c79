"""docs/security.md: each sentence of its tables names tests that exist."""

import re
from pathlib import Path

import pytest

from ecr_emulator.admin.app import OPEN
from ecr_emulator.domain.host_names import AWS, PRIVATE
from ecr_emulator.settings import SETTINGS
from tests.support.tested_pages import read_sentences, require_tests

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"


def page():
    return PAGE.read_text(encoding="utf-8")


def test_the_page_has_its_sections_in_order():
    headings = re.findall(r"^## (.+)$", page(), re.MULTILINE)
    assert headings == [
        "Listening addresses",
        "Trust",
        "Origins of web pages",
        "Host names",
        "File modes",
        "Access to /_ecr",
        "Limits of the protection",
    ]
    assert len(read_sentences(PAGE)) > 30


@pytest.mark.parametrize(("sentence", "tests"), read_sentences(PAGE), ids=lambda text: text[:50])
def test_each_sentence_has_tests_that_exist(sentence, tests):
    require_tests(PAGE, sentence, tests)


def test_the_flags_suffixes_and_paths_on_the_page_exist():
    assert set(re.findall(r"`(--[a-z-]+)", page())) <= {setting.flag for setting in SETTINGS.values()}
    assert {"--host", "--allow-host", "--allow-origin", "--admin-token"} <= set(re.findall(r"`(--[a-z-]+)", page()))
    for suffix in (*PRIVATE, *AWS):
        assert f"`.{suffix}`" in page()
    for path in OPEN:
        assert f"`{path.rstrip('/') or '/'}`" in page()


def test_the_readme_links_the_page():
    assert "(docs/security.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
