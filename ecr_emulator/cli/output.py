"""The two forms of the output of commands: tables for people, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

with_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

_GOOD, _BAD = ("ok", "ready", "ACTIVE", "COMPLETE", "SUCCESS"), ("failing", "failed", "FAILED", "FAILURE", "CRITICAL")


def print_json(document: Any) -> None:
    """Print a JSON document, indented."""
    click.echo(json.dumps(document, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows below a line with the names of their columns."""
    heading, *body = aligned([columns, *rows])
    click.secho(heading, bold=True)
    for line in body:
        click.echo(line)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names with their values, one on a line."""
    for line in aligned([(click.style(name, bold=True), value) for name, value in facts]):
        click.echo(line)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, with columns as wide as their widest cells. States of things are coloured."""
    lengths = [[len(click.unstyle(cell)) for cell in row] for row in rows]
    widths = [max(column) for column in zip(*lengths, strict=True)]
    return [
        "  ".join(
            coloured(cell) + " " * (width - length) for cell, width, length in zip(row, widths, own, strict=True)
        ).rstrip()
        for row, own in zip(rows, lengths, strict=True)
    ]


def coloured(state: str) -> str:
    """Return a state in green if it is good, in red if it is bad. ``click.echo`` removes colours outside terminals."""
    word = state.partition(" ")[0]
    if word in _GOOD:
        return click.style(state, fg="green")
    return click.style(state, fg="red") if word in _BAD else state
