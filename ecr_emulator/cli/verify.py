"""The output of ``ecr-emulator gc --verify``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import click

from ecr_emulator.cli.formatting import counted, size_in_words
from ecr_emulator.cli.progress import BAR

CLEAR_LINE = "\r\x1b[2K"


def tell(steps: Iterable[dict[str, Any]]) -> bool:
    """Print the findings and a summary. Returns whether nothing stays broken.

    Only a terminal gets a progress bar. Raises ``ClickException`` if the steps end before the last one.
    """
    report = _Report()
    for step in steps:
        if "error" in step:
            raise click.ClickException(step["error"])
        if step.get("done"):
            report.end(step)
            return not report.broken
        report.add(step)
    raise click.ClickException("The emulator stopped during the verification")


class _Report:
    def __init__(self) -> None:
        self._bar: Any = None
        self._found: Counter[str] = Counter()

    @property
    def broken(self) -> int:
        """The number of blobs and manifests that stay broken."""
        return self._found["broken"]

    def add(self, step: dict[str, Any]) -> None:
        """Count a step, and print its finding."""
        if "state" in step:
            self._found["broken" if step["is_broken"] else "left over" if _is_left_over(step) else "healed"] += 1
            click.echo((CLEAR_LINE if self._bar else "") + _words(step))
        elif sys.stdout.isatty():
            self._draw(step)

    def end(self, last: dict[str, Any]) -> None:
        """Print the summary."""
        if self._bar:
            self._bar.render_finish()
        counts = [f"{number} {what}" for what, number in sorted(self._found.items())]
        blobs, manifests = counted(last["blobs"], "blob"), counted(last["manifests"], "manifest")
        read = f"{blobs} with {size_in_words(last['bytes'])} and {manifests}"
        click.echo(f"Verified {read}: {', '.join(counts) or 'no damage'}.")

    def _draw(self, step: dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=max(step["total"], 1), bar_template=BAR, show_eta=False)
        self._bar.label = f"{counted(step['blobs'], 'blob')}, {size_in_words(step['bytes'])}"
        self._bar.update(step["bytes"] - self._bar.pos)
        self._bar.render_progress()


def _is_left_over(finding: dict[str, Any]) -> bool:
    return finding["state"] == "left over" or not finding["places"]


def _words(finding: dict[str, Any]) -> str:
    places = ", ".join(finding["places"])
    what = f"{finding['state']}: {finding['kind']} {finding['name']}" + (f" of {places}" if places else "")
    if finding["is_broken"]:
        return f"{what}: {finding['reason']}"
    if finding["state"] == "left over":
        return what
    return f"{what}: fetched again" if places else f"{what}: removed, as no image needs it"
