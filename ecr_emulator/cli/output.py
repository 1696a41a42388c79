"""The two forms of the output of commands: tables for people, and JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from textwrap import indent
from typing import Any

import click

from ecr_emulator.domain.printable_text import one_line

with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

BATCH = 1000
"""Rows of a table that are aligned together; a longer table is printed in parts, as its rows come."""
NARROWEST = 12
"""Characters below which no cell is shortened."""

_GOOD, _BAD = ("ok", "ready", "ACTIVE", "COMPLETE", "SUCCESS"), ("failing", "failed", "FAILED", "FAILURE", "CRITICAL")


def print_json(document: Any) -> None:
    """Print a JSON document, indented."""
    click.echo(_json(document))


def print_json_list(documents: Iterable[Any]) -> None:
    """Print a JSON list as ``print_json`` does, but each of its members as soon as it comes."""
    begin = "["
    for document in documents:
        click.echo(f"{begin}\n{indent(_json(document), '  ')}", nl=False)
        begin = ","
    click.echo("[]" if begin == "[" else "\n]")


def print_listing(
    documents: Iterable[Any],
    columns: Sequence[str],
    row: Callable[[Any], Sequence[str]],
    *,
    as_json: bool,
    nothing: str,
) -> None:
    """Print documents as JSON, or their rows as a table, or a sentence that there is nothing."""
    remaining = iter(documents)
    first = list(islice(remaining, 1))
    if as_json:
        print_json_list(chain(first, remaining))
    elif first:
        print_table(columns, map(row, chain(first, remaining)))
    else:
        click.echo(nothing)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below a line with the names of their columns."""
    for line in table_lines(columns, rows):
        click.echo(line)


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the line with the names of the columns, then a line for each row. Cells are shortened to fit a terminal."""
    remaining = iter(rows)
    batch, widths = [columns, *islice(remaining, BATCH)], [0] * len(columns)
    is_first = True
    while batch:
        batch = [_printable(row) for row in batch]
        widths = [max(width, needed) for width, needed in zip(widths, _widths(batch), strict=True)]
        fitting = _fitted(widths)
        for row in batch:
            line = _line([_shortened(cell, width) for cell, width in zip(row, fitting, strict=True)], fitting)
            yield click.style(line, bold=True) if is_first else line
            is_first = False
        batch = list(islice(remaining, BATCH))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names with their values, one on a line."""
    rows = list(facts)
    for (name, _), line in zip(rows, aligned(rows), strict=True):
        click.echo(click.style(name, bold=True) + line.removeprefix(name))


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a line for each row, with columns as wide as their widest cells. States of things are coloured."""
    printable = [_printable(row) for row in rows]
    widths = _widths(printable)
    return [_line(row, widths) for row in printable]


def coloured(state: str) -> str:
    """Return a state in green if it is good, in red if it is bad. ``click.echo`` removes colours outside terminals."""
    word = state.partition(" ")[0]
    if word in _GOOD:
        return click.style(state, fg="green")
    return click.style(state, fg="red") if word in _BAD else state


def _json(document: Any) -> str:
    return json.dumps(document, indent=2)


def _printable(row: Sequence[str]) -> list[str]:
    """Return cells without control characters, which could break the line or change the terminal."""
    return [one_line(cell) for cell in row]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(coloured(cell) + " " * (width - len(cell)) for cell, width in cells).rstrip()


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _fitted(widths: list[int]) -> list[int]:
    """Return widths whose line fits the terminal, if there is one, by making the widest columns narrower."""
    if not sys.stdout.isatty():
        return widths
    excess = sum(widths) + 2 * (len(widths) - 1) - shutil.get_terminal_size().columns
    fitting = list(widths)
    while excess > 0 and max(fitting) > NARROWEST:
        fitting[fitting.index(max(fitting))] -= 1
        excess -= 1
    return fitting


def _shortened(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"
