"""``ecr-emulator seed``: fill a running emulator from files."""

from __future__ import annotations

from pathlib import Path

import click

from ecr_emulator.cli.formatting import counted
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.command()
@asks_a_running_emulator
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
def seed(emulator: RunningEmulator, files: tuple[Path, ...]) -> None:
    """Create the repositories, images, rules and secrets that seed files describe.

    FILE is TOML or YAML, or a folder with such files. What exists already stays; settings that differ are changed.
    Entries that name no account or no Region belong to --account and --region. Exit code 1, with the file, the line and
    the key, if something is wrong.

    \b
    Example: ecr-emulator seed seed.toml
    """
    from ecr_emulator.seeds.apply import apply_seeds
    from ecr_emulator.seeds.errors import SeedError

    with emulator.registry_client() as registry_client:
        try:
            seeded = apply_seeds(registry_client.client, *files, home=registry_client.registry)
        except SeedError as wrong:
            raise click.ClickException(str(wrong)) from None
    click.echo(f"{counted(seeded.created, 'thing')} created, {seeded.changed} changed, {seeded.unchanged} unchanged.")
