"""``ecr-emulator pull``: import an image into the cache before a client pulls it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from ecr_emulator.cli.completed_values import image_names
from ecr_emulator.cli.formatting import counted, size_in_words
from ecr_emulator.cli.progress import BAR
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
@click.argument("image", shell_complete=image_names)
def pull(emulator: RunningEmulator, image: str) -> None:
    """Import an image into the cache for all its architectures: manifests, configs and layers.

    IMAGE is written as for docker pull, with or without the emulator's address: docker-hub/library/nginx:1.27. The exit
    code is 1, and the reason is printed, if a part of the image is missing.

    \b
    Example: ecr-emulator pull docker-hub/library/nginx:1.27
    """
    steps = emulator.follow("/_ecr/pull", image=image)
    last = (_bar if sys.stdout.isatty() else _log)(image, _checked(steps))
    new = f"{size_in_words(last['new_bytes'])} new" if last["new_bytes"] else "all of it was cached"
    click.echo(f"{image} is cached: {last['digest']}, {_contents(last)}, {new}")
    if last["missing"]:
        click.echo(f"{last['missing']} images of its index are missing upstream; the index is cached without them.")


def _checked(steps: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the steps before the last one. Raises ``ClickException`` if the import failed."""
    for step in steps:
        if "error" in step:
            raise click.ClickException(step["error"])
        if step.get("done"):
            return
        yield step
    raise click.ClickException("The emulator stopped during the pull")


def _bar(image: str, steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Draw a progress bar. Returns the last step."""
    step = next(steps)
    with click.progressbar(length=max(step["bytes"], 1), label=image, bar_template=BAR, show_eta=False) as bar:
        for step in steps:
            bar.label = f"{image} {step['blobs_done']}/{step['blobs']} blobs, {size_in_words(step['bytes_done'])}"
            bar.update(step["bytes_done"] - bar.pos)
        bar.render_progress()  # the last step may have no new bytes
    return step


def _log(image: str, steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Print a line at the start, at each blob and at each tenth of the bytes. Returns the last step."""
    told = None
    for step in steps:
        tenth = 10 * step["bytes_done"] // max(step["bytes"], 1)
        if told is None:
            click.echo(f"{image}: {step['digest']}, {_contents(step)}")
        elif (step["blobs_done"], tenth) != told:
            done, total = size_in_words(step["bytes_done"]), size_in_words(step["bytes"])
            click.echo(f"{image}: {step['blobs_done']} of {step['blobs']} blobs, {done} of {total}")
        told = step["blobs_done"], tenth
    return step


def _contents(step: dict[str, Any]) -> str:
    return f"{counted(step['images'], 'manifest')}, {counted(step['blobs'], 'blob')}, {size_in_words(step['bytes'])}"
