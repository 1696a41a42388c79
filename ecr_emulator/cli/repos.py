"""``ecr-emulator repos``: the repositories of a registry."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ecr_emulator.cli.formatting import ago
from ecr_emulator.cli.output import print_listing, with_json
from ecr_emulator.cli.registry_client import RegistryClient
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
        registry, now = client.registry, client.now()
    print_listing(
        emulator.listed(registry, RegistryClient.repositories),
        COLUMNS,
        lambda repository: _row(repository, now),
        as_json=as_json,
        nothing=f"There are no repositories in {registry.id}, {registry.region}.",
    )


def _row(repository: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        repository["repositoryName"],
        ago(repository["createdAt"], now),
        repository["imageTagMutability"].lower().replace("_", " "),
        "yes" if repository["imageScanningConfiguration"]["scanOnPush"] else "no",
        repository["encryptionConfiguration"]["encryptionType"],
        repository["repositoryUri"],
    )
