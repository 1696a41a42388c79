"""Make the tables of docs/fidelity.md from the coverage, the operations' docstrings and specs/fidelity.toml.

The text around them is written by hand: ``<!-- table: name -->`` begins a table, ``<!-- end -->`` ends it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import getdoc
from typing import Any

from ecr_emulator.control.dispatch import handlers_by_operation

AWS_PAGE = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_{}.html"
MARKS = ("verified", "measured", "inferred", "decided")
"""Grades of a fact: documented by AWS, observed, derived from other facts, or chosen by the emulator."""
RISKS = ("passes-here", "fails-here", "looks-different")
"""Effects of a difference from AWS on a test."""

NOTE = """\
<!-- scripts/refresh_specs.py writes the tables of this page from specs/fidelity.toml, specs/coverage.json and the
docstrings of the operations. The text around them is written by hand. -->
"""
_TABLE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Coverage = Mapping[str, Any]
Row = Iterable[str]


def fidelity_page(page: str, facts: str, coverage: Coverage) -> str:
    """Return the page with new tables. ``facts`` is the text of specs/fidelity.toml.

    Raises ``LookupError`` for a fact about an unknown operation and for a table with an unknown name.
    """
    known = tomllib.loads(facts)
    _check(known, coverage)
    tables: dict[str, Callable[[], str]] = {
        "summary": lambda: _summary(coverage),
        "operations": lambda: _operations(known["topic"], coverage),
        "topics": lambda: "\n".join(map(_topic, known["topic"])),
        **{risk: partial(_differences, known["difference"], risk) for risk in RISKS},
    }
    return NOTE + _TABLE.sub(
        lambda match: f"{match[1]}\n{tables[match['name']]()}\n{match[3]}", page.removeprefix(NOTE)
    )


def _check(known: dict[str, Any], coverage: Coverage) -> None:
    named = [name for topic in known["topic"] for name in topic.get("operations", ())]
    strangers = set(named) - coverage.keys()
    if strangers:
        raise LookupError(f"not operations of Amazon ECR: {', '.join(sorted(strangers))}")


def _summary(coverage: Coverage) -> str:
    states = [state if isinstance(state, str) else "partial" for state in coverage.values()]
    return (
        f"Of the {len(states)} operations of the installed API model, {states.count('emulated')} are emulated, "
        f"{states.count('partial')} are emulated in part, and {states.count('refused')} are refused.\n"
    )


def _operations(topics: list[dict[str, Any]], coverage: Coverage) -> str:
    titles = {name: topic["title"] for topic in topics for name in topic.get("operations", ())}
    rows = (_operation(name, state, titles.get(name)) for name, state in coverage.items())
    return _table(("operation", "state", "facts", "note"), rows)


def _operation(name: str, state: Any, title: str | None) -> Row:
    """Return the row of an operation: a link to its AWS page, its state, its topic, and the rest of its docstring."""
    handler = handlers_by_operation().get(name)
    page, _, note = ((handler and getdoc(handler)) or AWS_PAGE.format(name)).partition("\n")
    return f"[{name}]({page})", _worded(state), _link_to(title), " ".join(note.split())


def _worded(state: Any) -> str:
    return state if isinstance(state, str) else f"partial: {state['partial']}"


def _link_to(title: str | None) -> str:
    """Return a link to a heading of this page; Markdown renderers derive the anchor from the title."""
    if title is None:
        return "not known yet"
    anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
    return f"[{title}](#{anchor})"


def _topic(topic: dict[str, Any]) -> str:
    rows = ((mark, what, why) for mark in MARKS for what, why in topic.get(mark, ()))
    operations = ", ".join(topic.get("operations", ()))
    introduction = f"{operations}\n\n" if operations else ""
    return f"### {topic['title']}\n\n{introduction}{_table(('grade', 'fact', 'source or reason'), rows)}"


def _differences(differences: list[dict[str, str]], risk: str) -> str:
    rows = ((each["aws"], each["here"], each["advice"]) for each in differences if each["risk"] == risk)
    return _table(("Amazon ECR", "here", "advice"), rows)


def _table(heads: Row, rows: Iterable[Row]) -> str:
    heads = tuple(heads)
    lines = [heads, ("---",) * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
