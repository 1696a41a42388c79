"""Progress of long work, for people at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ecr_emulator.cli.formatting import size_in_words

BAR = "%(label)s  [%(bar)s]  %(info)s"


@contextmanager
def progress_of_bytes(name: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that draws how many of all bytes are done; it does nothing where there is no terminal."""
    bar: Any = None

    def draw(done: int, total: int) -> None:
        nonlocal bar
        if not sys.stdout.isatty():
            return
        if bar is None:
            bar = click.progressbar(length=max(total, 1), bar_template=BAR, show_eta=False)
        bar.label = f"{name}: {size_in_words(done)} of {size_in_words(total)}"
        bar.update(done - bar.pos)

    try:
        yield draw
    finally:
        if bar:
            bar.render_finish()
