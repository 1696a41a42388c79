"""docs/security.md: each sentence of its tables names tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from ecr_emulator.admin.routes import OPEN
from ecr_emulator.domain.host_names import AWS, PRIVATE
from ecr_emulator.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
TEST = re.compile(r"\[([^\]]+)\]\((\.\./tests/[\w/]+\.py)\)")


def page():
    return PAGE.read_text(encoding="utf-8")


def rows():
    """Return the sentence and the tests of each row of the tables."""
    found = re.findall(r"^\| (.+) \| (.+) \|$", page(), re.MULTILINE)
    return [(sentence, tests) for sentence, tests in found if sentence != "---"]


def names_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name.removeprefix("test_").replace("_", " ") for node in tree.body if isinstance(node, ast.FunctionDef)
    }


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
    assert len(rows()) > 30


@pytest.mark.parametrize(("sentence", "tests"), rows(), ids=lambda text: text[:50])
def test_each_sentence_has_tests_that_exist(sentence, tests):
    assert sentence.endswith(".")
    found = TEST.findall(tests)
    assert found
    assert TEST.sub("", tests).strip("<br> ,") == ""
    for name, path in found:
        assert name in names_in((PAGE.parent / path).resolve())


def test_the_flags_suffixes_and_paths_on_the_page_exist():
    assert set(re.findall(r"`(--[a-z-]+)", page())) <= {setting.flag for setting in SETTINGS.values()}
    assert {"--host", "--allow-host", "--allow-origin", "--admin-token"} <= set(re.findall(r"`(--[a-z-]+)", page()))
    for suffix in (*PRIVATE, *AWS):
        assert f"`.{suffix}`" in page()
    for path in OPEN:
        assert f"`{path.rstrip('/') or '/'}`" in page()


def test_the_readme_links_the_page():
    assert "(docs/security.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
