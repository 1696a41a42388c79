"""``ecr-emulator reset``: empty a running emulator, or one account of it."""

from __future__ import annotations

import click

from ecr_emulator.cli.running import Running, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
def reset(running: Running) -> None:
    """Forget everything that a running emulator has: repositories, images, rules, and what the companions know.

    With --account, only what that account has; with --region beside it, only what it has in that Region. What the
    environment says of account and Region is not enough to spare the others. The clock stays, and tokens stay good.
    """
    answer = running.send("/_ecr/reset", running.place if "region" in running.flags else running.flags)
    if "account" not in answer:
        click.echo("The emulator is empty.")
    elif answer["region"]:
        click.echo("{account} has nothing left in {region}.".format(**answer))
    else:
        click.echo("{account} has nothing left.".format(**answer))
