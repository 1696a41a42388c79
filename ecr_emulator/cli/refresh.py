"""``ecr-emulator refresh``: ask an upstream now whether cached tags are up to date."""

from __future__ import annotations

from typing import Any

import click

from ecr_emulator.cli.completed_values import image_names
from ecr_emulator.cli.output import print_json, with_json
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
@click.argument("image", metavar="REPOSITORY[:TAG]", shell_complete=image_names)
@with_json
def refresh(emulator: RunningEmulator, image: str, as_json: bool) -> None:
    """Check one tag, or all cached tags of a repository, upstream now instead of after 24 hours.

    A tag that is not cached yet is imported. The exit code is 1 if the upstream could not be asked or does not have a
    tag; the cached image stays and is served.

    \b
    Example: ecr-emulator refresh docker-hub/library/nginx:1.27
    """
    answer = emulator.post("/_ecr/refresh", image=image)
    if as_json:
        print_json(answer)
    elif not answer["refreshed"]:
        click.echo(f"No tags are cached in {answer['repository']}.")
    else:
        for each in answer["refreshed"]:
            click.echo(f"{answer['repository']}:{each['tag']}  {_words(each)}")
    if any(each["outcome"] == "failed" for each in answer["refreshed"]):
        raise SystemExit(1)


def _words(refreshed: dict[str, Any]) -> str:
    digest, previous = refreshed["digest"], refreshed["previous"]
    match refreshed["outcome"]:
        case "failed":
            kept = f"; {digest} is served as before" if digest else "; nothing is cached"
            return f"failed: {refreshed['reason']}{kept}"
        case "updating":
            return f"updating: {refreshed['reason']}; until then it is {digest}"
        case "updated":
            return f"updated from {previous} to {digest}"
        case outcome:
            return f"{outcome}: {digest}"
