"""Rules for the tests themselves: where helpers are, how long a file is, and which packages it may import."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = {"openapi_spec_validator": "openapi-spec-validator", "yaml": "pyyaml"}
"""Distributions by the name of their package, if the names differ."""


def imported_by(path):
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def test_nothing_is_imported_from_a_conftest():
    assert [path.name for path in TESTS for module in imported_by(path) if module.endswith("conftest")] == []


def test_no_file_has_more_than_400_lines():
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in TESTS}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_every_package_that_is_imported_is_declared():
    ours = {"ecr_emulator", "scripts", "tests", "_typeshed"}  # the last is there for mypy alone
    imported = {module.partition(".")[0] for path in TESTS for module in imported_by(path)}
    extras = PROJECT["optional-dependencies"]
    required = [*PROJECT["dependencies"], *extras["test"], *extras["browser"]]
    declared = {re.match(r"[\w.-]+", requirement)[0] for requirement in required}
    packages = {DISTRIBUTIONS.get(name, name) for name in imported - ours - sys.stdlib_module_names}
    assert packages - declared == set()
