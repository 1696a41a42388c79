"""``ecr-emulator templates``: the repository creation templates of a registry."""

from __future__ import annotations

from typing import Any

import click

from ecr_emulator.cli.output import print_listing, with_json
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
        registry = client.registry
        found = list(client.list_all("DescribeRepositoryCreationTemplates", "repositoryCreationTemplates"))
    nothing = f"There are no repository creation templates in {registry.id}, {registry.region}."
    print_listing(found, COLUMNS, _row, as_json=as_json, nothing=nothing)


def _row(template: dict[str, Any]) -> tuple[str, ...]:
    return (
        template["prefix"],
        ", ".join(template["appliedFor"]),
        template.get("imageTagMutability", "MUTABLE").lower().replace("_", " "),
        template.get("encryptionConfiguration", {}).get("encryptionType", "AES256"),
        ", ".join(name for member, name in POLICIES.items() if template.get(member)) or "-",
        template.get("description") or "-",
    )
