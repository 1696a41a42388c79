"""Rules for the tests themselves: where helpers are, and how long a file is."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_nothing_is_imported_from_a_conftest():
    importing = re.compile(r"^\s*(?:from|import) .*\bconftest\b", re.MULTILINE)
    assert [path.name for path in TESTS if importing.search(path.read_text(encoding="utf-8"))] == []


def test_no_file_has_more_than_400_lines():
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
