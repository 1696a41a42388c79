"""Make the table of docs/pull-through-cache.md: the sentences of AWS's page, our decisions, and their tests.

The sentences are in specs/considerations.toml. A test proves one by its mark, ``@pytest.mark.consideration("S12a")``.
A sentence without a test has the reason as ``open``.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

MARK = "pytest.mark.consideration"

NOTE = """\
<!-- scripts/refresh_specs.py writes the table "AWS sentences and their tests" of this page from
specs/considerations.toml and the marks of the tests. The text around it is written by hand. -->
"""
_TABLE = re.compile(r"(<!-- table: considerations -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD = "| | sentence | decided | tests |\n| --- | --- | --- | --- |\n"

Proofs = dict[str, list[str]]
"""Links to tests, as Markdown, by the consideration that they prove."""


def considerations_page(page: str, sentences: str, tests: Path) -> str:
    """Return the page with a new table.

    Raises ``LookupError`` for a sentence without a test, an ``open`` sentence with one, and a mark without a sentence.
    """
    known = tomllib.loads(sentences)
    proofs = find_proofs(tests)
    _check(proofs, {name: "open" in row for name, row in known.items()})
    rows = (
        f"| {name} | {row['says']} | {row.get('decided', '')} | {_tests(proofs.get(name), row)} |\n"
        for name, row in known.items()
    )
    table = f"{_HEAD}{''.join(rows)}"
    return NOTE + _TABLE.sub(lambda match: f"{match[1]}\n{table}\n{match[2]}", page.removeprefix(NOTE))


def _check(proofs: Proofs, is_open: Mapping[str, bool]) -> None:
    strange = proofs.keys() - is_open.keys()
    unproven = {name for name, said in is_open.items() if not said} - proofs.keys()
    proven = {name for name, said in is_open.items() if said} & proofs.keys()
    if strange or unproven or proven:
        raise LookupError(
            f"no such considerations: {sorted(strange)}; without a test: {sorted(unproven)}; "
            f"called open and tested: {sorted(proven)}"
        )


def _tests(links: list[str] | None, row: Mapping[str, str]) -> str:
    return "<br>".join(links) if links else f"none: {row['open']}"


def find_proofs(tests: Path) -> Proofs:
    """Return links to the tests in a folder that carry marks, in order of file and place."""
    proofs: Proofs = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if MARK not in text:
            continue
        for name, consideration in _marked(ast.parse(text)):
            folder = path.parent.name
            proofs[consideration].append(f"[{_in_words(name)}](../tests/{folder}/{path.name})")
    return proofs


def _marked(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the name of each marked test function with each consideration that it proves."""
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef):
            for decorator in function.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == MARK:
                    yield from ((function.name, ast.literal_eval(argument)) for argument in decorator.args)


def _in_words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")
