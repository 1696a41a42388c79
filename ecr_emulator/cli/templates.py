"""``ecr-emulator templates``: the repository creation templates of a registry."""

from __future__ import annotations

from typing import Any

import click

from ecr_emulator.cli.output import print_json, print_table, with_json
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

COLUMNS = ("PREFIX", "APPLIED FOR", "TAGS ARE", "ENCRYPTION", "POLICIES", "DESCRIPTION")
POLICIES = {"repositoryPolicy": "repository", "lifecyclePolicy": "lifecycle"}


@click.command()
@asks_a_running_emulator
@with_json
def templates(emulator: RunningEmulator, as_json: bool) -> None:
    """List the repository creation templates of a registry.

    \b
    Example: ecr-emulator templates --json
    """
    with emulator.registry_client() as client:
        found = list(client.list_all("DescribeRepositoryCreationTemplates", "repositoryCreationTemplates"))
    if as_json:
        print_json(found)
    elif found:
        print_table(COLUMNS, map(_row, found))
    else:
        place = f"{client.registry.id}, {client.registry.region}"
        click.echo(f"There are no repository creation templates in {place}.")


def _row(template: dict[str, Any]) -> tuple[str, ...]:
    return (
        template["prefix"],
        ", ".join(template["appliedFor"]),
        template.get("imageTagMutability", "MUTABLE").lower().replace("_", " "),
        template.get("encryptionConfiguration", {}).get("encryptionType", "AES256"),
        ", ".join(name for member, name in POLICIES.items() if template.get(member)) or "-",
        template.get("description") or "-",
    )
