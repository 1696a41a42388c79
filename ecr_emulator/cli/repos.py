"""``ecr-emulator repos``: the repositories of a registry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ecr_emulator.cli.formatting import ago
from ecr_emulator.cli.output import print_json, print_table, with_json
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("REPOSITORY", "CREATED", "TAGS ARE", "SCAN ON PUSH", "ENCRYPTION", "URI")


@click.command()
@asks_a_running_emulator
@with_json
def repos(emulator: RunningEmulator, as_json: bool) -> None:
    """List the repositories of a registry.

    \b
    Example: ecr-emulator repos --account 123456789012 --region eu-west-1
    """
    with emulator.registry_client() as client:
        found, now = list(client.repositories()), client.now()
    if as_json:
        print_json(found)
    elif found:
        print_table(COLUMNS, [_row(repository, now) for repository in found])
    else:
        click.echo(f"There are no repositories in {client.registry.id}, {client.registry.region}.")


def _row(repository: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        repository["repositoryName"],
        ago(repository["createdAt"], now),
        repository["imageTagMutability"].lower().replace("_", " "),
        "yes" if repository["imageScanningConfiguration"]["scanOnPush"] else "no",
        repository["encryptionConfiguration"]["encryptionType"],
        repository["repositoryUri"],
    )
