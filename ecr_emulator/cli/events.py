"""``ecr-emulator events``: the events that ECR sends to EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click

from ecr_emulator.cli.output import coloured
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

SHOWN = ("action-type", "result", "scan-status", "sync-status", "replication-status")
"""Members of ``detail`` that say what happened, in the order in which they are printed."""


@click.command()
@asks_a_running_emulator
@click.option("--follow", "-f", is_flag=True, help="Go on with new events, until Ctrl-C.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="KEY", help="Leave out the first KEY events.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each event, for programs.")
def events(emulator: RunningEmulator, follow: bool, after: int, as_json: bool) -> None:
    """Print the events that ECR sends to EventBridge, the oldest first.

    The events of all accounts are printed, unless --account and --region are given as flags.

    \b
    Example: ecr-emulator events --follow --json
    """
    found = _followed(emulator, after) if follow else _logged(emulator, after)
    with suppress(KeyboardInterrupt):
        for event in found:
            if all(event[name] == value for name, value in emulator.flags.items()):
                click.echo(json.dumps(event) if as_json else _line(event))


def _logged(emulator: RunningEmulator, after: int) -> Iterator[dict[str, Any]]:
    while True:
        page = emulator.get("/_ecr/events", {"after": str(after)})
        _warn_of_missed(page["missed"])
        if not page["events"]:
            return
        yield from page["events"]
        after = page["last"]


def _followed(emulator: RunningEmulator, after: int) -> Iterator[dict[str, Any]]:
    for kind, data in emulator.stream(f"/_ecr/events?follow&after={after}"):
        if kind == "missed":
            _warn_of_missed(data["missed"])
        else:
            yield data
    raise click.ClickException("The emulator stopped")


def _warn_of_missed(number: int) -> None:
    if number:
        click.echo(f"{number} older events are no longer kept; serve --event-log-size sets how many are", err=True)


def _line(event: dict[str, Any]) -> str:
    detail = event["detail"]
    if "findingArn" in detail:
        image = detail["resources"][0]["details"]["awsEcrContainerImage"]
        name = detail["packageVulnerabilityDetails"]["vulnerabilityId"]
        subject = _image_name(image["repositoryName"], image["imageTags"], image["imageHash"])
        return "  ".join([event["time"], event["detail-type"], subject, name, detail["severity"], detail["status"]])
    words = [coloured(str(detail[name])) for name in SHOWN if name in detail]
    return "  ".join([event["time"], event["detail-type"], _subject(detail), *words])


def _subject(detail: dict[str, Any]) -> str:
    """Return the image, the repository or the rule that an event is about."""
    name = detail.get("repository-name") or detail.get("ecr-repository-prefix") or "-"
    tags = detail.get("image-tags") or [detail.get("image-tag")]
    return _image_name(name.rpartition(":repository/")[2], tags, detail.get("image-digest"))  # Inspector names the ARN


def _image_name(repository: str, tags: Sequence[str | None], digest: str | None) -> str:
    if tags and tags[0]:
        return f"{repository}:{tags[0]}"
    return f"{repository}@{digest}" if digest else repository
