"""``ecr-emulator health``: ask whether a running emulator is healthy."""

from __future__ import annotations

import click

from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.http_client import Refused, reason, request, version_of
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.setting_sources import Loaded


@click.command()
@with_settings("host", "port", meaning=ADDRESS)
@click.option("--ready", is_flag=True, help="Also fail while init scripts run.")
def health(loaded: Loaded, ready: bool) -> None:
    """Ask whether a running emulator is healthy. The exit code is 0 if it is, or else 1.

    \b
    Example: ecr-emulator health --ready
    """
    address = emulator_meant(loaded)
    try:
        version = version_of(address)
        if ready:
            request(address, "GET", "/_ecr/ready")
    except Refused as not_yet:
        raise click.ClickException(f"The emulator {address.words} is not ready: {not_yet}") from None
    except OSError as failure:
        raise click.ClickException(f"No healthy emulator {address.words}: {reason(failure)}") from None
    click.echo(f"ok, version {version}")
