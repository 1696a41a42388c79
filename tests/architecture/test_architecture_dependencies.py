"""Every package that the code, the tests and the scripts import is declared in pyproject.toml."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = {"ecr_emulator", "tests", "scripts", "_typeshed"}
LATER = {"compression"}
"""Packages that the standard library has since Python 3.14."""
LOADS_US = {"pytest"}
"""Packages that import the plugin, and are therefore installed whenever it is imported."""


def imports(folder):
    """Yield the names of the packages that the modules of a folder import."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield node.module.partition(".")[0]


def declared(requirements):
    return {re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("ecr_emulator", ["testcontainers", "cloudformation", "postgres", "scan"]),
        ("tests", ["browser", "scan", "test"]),
        ("scripts", ["bench", "test"]),
    ],
)
def test_imported_packages_are_declared(folder, extras):
    requirements = declared(PROJECT["dependencies"])
    for extra in extras:
        requirements |= declared(PROJECT["optional-dependencies"][extra])
    foreign = set(imports(folder)) - OWN - LOADS_US - LATER - set(sys.stdlib_module_names)
    distributions = packages_distributions()
    assert {name for name in foreign if not declared(distributions.get(name, [name])) & requirements} == set()
