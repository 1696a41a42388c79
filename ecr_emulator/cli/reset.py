"""``ecr-emulator reset``: empty a running emulator, or one of its accounts."""

from __future__ import annotations

import click

from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
def reset(emulator: RunningEmulator) -> None:
    """Empty a running emulator: remove repositories, images, rules, and the state of the companions.

    With --account, only the resources of that account are removed; with --region as well, only those in that Region.
    Variables of the environment do not limit a reset. The clock stays, and tokens stay valid.

    \b
    Example: ecr-emulator reset --account 123456789012
    """
    answer = emulator.send("/_ecr/reset", emulator.registry if "region" in emulator.flags else emulator.flags)
    if "account" not in answer:
        click.echo("The emulator is empty.")
    elif answer["region"]:
        click.echo("The resources of {account} in {region} are removed.".format(**answer))
    else:
        click.echo("The resources of {account} are removed.".format(**answer))
