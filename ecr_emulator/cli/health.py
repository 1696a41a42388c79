"""``ecr-emulator health``: whether a running emulator answers."""

from __future__ import annotations

import click

from ecr_emulator.cli.ask import reason, version_of
from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.settings import Loaded


@click.command()
@with_settings("host", "port", meaning=ADDRESS)
def health(loaded: Loaded) -> None:
    """Ask a running emulator how it is. Exit code 0 if it is well, 1 if it is not or is not there."""
    place = emulator_meant(loaded)
    try:
        version = version_of(place)
    except OSError as failure:
        raise click.ClickException(f"No healthy emulator {place.words}: {reason(failure)}") from None
    click.echo(f"ok, version {version}")
