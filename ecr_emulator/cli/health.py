"""``ecr-emulator health``: whether a running emulator answers."""

from __future__ import annotations

import click

from ecr_emulator.cli.ask import Place, reason, version_of
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.settings import Loaded


@click.command()
@with_settings("host", "port", meaning=ADDRESS)
def health(loaded: Loaded) -> None:
    """Ask a running emulator how it is. Exit code 0 if it is well, 1 if it is not or is not there."""
    port = loaded.settings.port
    try:
        version = version_of(Place.of(loaded.settings))
    except OSError as failure:
        raise click.ClickException(f"No healthy emulator on port {port}: {reason(failure)}") from None
    click.echo(f"ok, version {version}")
