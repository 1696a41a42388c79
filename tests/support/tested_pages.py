"""Pages of the documentation with tables of sentences, each beside the tests that prove it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

_TEST = re.compile(r"\[([^\]]+)\]\((\.\./tests/[\w/]+\.py)\)")


def read_sentences(page: Path) -> list[tuple[str, str]]:
    """Return the sentence and the links of each row of the tables."""
    found = re.findall(r"^\| (.+) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(sentence, tests) for sentence, tests in found if sentence != "---"]


def require_tests(page: Path, sentence: str, tests: str) -> None:
    """Require that a row is a sentence with links to tests that exist, and nothing else."""
    assert sentence.endswith(".")
    found = _TEST.findall(tests)
    assert found
    assert _TEST.sub("", tests).strip("<br> ,") == ""
    for name, path in found:
        assert name in _names_in((page.parent / path).resolve())


def _names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name.removeprefix("test_").replace("_", " ") for node in tree.body if isinstance(node, ast.FunctionDef)
    }
