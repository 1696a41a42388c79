"""``ecr-emulator gc``: remove what nobody needs from a running emulator, or from a data directory at rest."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import click

from ecr_emulator.cli.ask import Place, Refused, reason, request
from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.domain.durations import parse_grace
from ecr_emulator.settings import Loaded

REST = {"data_dir": "The state of an emulator that does not run."}


@click.command()
@with_settings("host", "port", "admin_token", "data_dir", meaning=ADDRESS | REST)
@click.option("--grace", default="1h", metavar="DURATION", help="Leave alone what is younger.  [default: 1h]")
def gc(loaded: Loaded, grace: str) -> None:
    """Remove abandoned uploads, layers that no image refers to, and their bytes. An emulator does so once a day.

    With --data-dir, works on a directory that no emulator is using; otherwise asks the emulator that runs.
    A push that takes longer than the grace between a layer and its manifest has to send the layer again.
    """
    try:
        parse_grace(grace)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--grace") from None
    settings = loaded.settings
    counts = _at_rest(settings.data_dir, grace) if settings.data_dir else _running(emulator_meant(loaded), grace)
    click.echo(
        "Removed {uploads} uploads and {layers} layers; {blobs} blobs with {bytes} bytes are gone.".format(**counts)
    )


def _running(place: Place, grace: str) -> dict[str, int]:
    try:
        counts: dict[str, int] = request(place, "POST", "/_ecr/gc", json.dumps({"grace": grace}))
    except Refused as refused:
        raise click.ClickException(str(refused)) from None
    except OSError as failure:
        message = f"No emulator {place.words}: {reason(failure)}. For one that does not run, say --data-dir."
        raise click.ClickException(message) from None
    return counts


def _at_rest(data_dir: Path, grace: str) -> dict[str, int]:
    from ecr_emulator.cli.serve import opened
    from ecr_emulator.settings import Settings

    if not os.path.isdir(data_dir):  # Path.is_dir raises what nobody could do anything about
        raise click.ClickException(f"There is no data directory {data_dir}")
    with opened(Settings(data_dir=data_dir)) as emulator:
        return asdict(emulator.services.collector.collect(emulator.clock.now(), parse_grace(grace)))
