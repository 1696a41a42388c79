"""``ecr-emulator gc``: remove garbage from a running emulator, or from a data directory that no emulator uses."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.http_client import Address, Refused, lines, reason, request, version_of
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.cli.running_emulator import UPSTREAM_TIMEOUT
from ecr_emulator.cli.verify import tell
from ecr_emulator.domain.durations import parse_grace
from ecr_emulator.setting_sources import Loaded
from ecr_emulator.settings import Settings

REST = {
    "data_dir": "Data directory of a stopped emulator.",
    "database": "With --data-dir: its database in PostgreSQL.",
    "blobs": "With --data-dir: its directory for layers.",
    "offline": "With --data-dir: send no request to any upstream.",
    "upstream_map": "With --data-dir: fetch the images of HOST from this URL.",
}

Steps = Generator[dict[str, Any], None, None]
REMOVED = "Removed {uploads} uploads and {layers} layers; {blobs} blobs with {bytes} bytes are gone."


@click.command()
@with_settings("host", "port", "admin_token", *REST, meaning=ADDRESS | REST)
@click.option(
    "--grace", default="1h", metavar="DURATION", help="Keep uploads and layers that are younger.  [default: 1h]"
)
@click.option("--verify", is_flag=True, help="Then read all blobs and manifests, and repair damage.")
def gc(loaded: Loaded, grace: str, verify: bool) -> None:
    """Remove abandoned uploads, layers that no image refers to, and their bytes.

    A running emulator does this twice a day by itself. This command asks it to do so now. With --data-dir, the command
    works on the data directory of a stopped emulator instead. A push that needs longer than the grace between a layer
    and its manifest has to send the layer again.

    With --verify, the command also lists damaged and missing blobs and manifests, and superfluous files. It fetches
    again what an upstream still has; pushed images have to be pushed again. The exit code is 1 if anything stays
    broken.

    \b
    Example: ecr-emulator gc --grace 30m --verify
    """
    try:
        parse_grace(grace)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--grace") from None
    settings = loaded.settings
    steps = _at_rest(settings, grace, verify) if settings.data_dir else _running(emulator_meant(loaded), grace, verify)
    with closing(steps):
        click.echo(REMOVED.format(**next(steps)))
        if verify and not tell(steps):
            raise SystemExit(1)


def _running(address: Address, grace: str, verify: bool) -> Steps:
    """Yield what was collected, then the steps of the verification."""
    with _reporting_failures(address):
        version_of(address)
        yield request(address, "POST", "/_ecr/gc", json.dumps({"grace": grace}))
        if verify:
            yield from lines(address, "/_ecr/verify", "", UPSTREAM_TIMEOUT)


@contextmanager
def _reporting_failures(address: Address) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise click.ClickException(str(refused)) from None
    except OSError as failure:
        message = f"No emulator {address.words}: {reason(failure)}. For a stopped emulator, use --data-dir."
        raise click.ClickException(message) from None


def _at_rest(settings: Settings, grace: str, verify: bool) -> Steps:
    """Yield what was collected, then the steps of the verification."""
    from ecr_emulator.cli.serve import opened

    if settings.database is None:
        _require_state(settings.data_dir)
    with opened(settings) as emulator, _reporting_damage():
        services = emulator.services
        yield asdict(services.garbage_collector.collect(emulator.clock.now(), parse_grace(grace)))
        step: dict[str, Any] = {}
        for each in services.verification.run() if verify else ():
            step = asdict(each)
            yield step
        yield step | {"done": True}


def _require_state(folder: Path | None) -> None:
    """Refuse a directory without a database: for a new database, all bytes would be garbage."""
    from ecr_emulator.storage.data_directory import DATABASE

    if folder is None or not os.path.isdir(folder):  # Path.is_dir raises errors of the file system
        raise click.ClickException(f"There is no data directory {folder}")
    if not os.access(folder, os.X_OK):
        return  # opening it will fail with the reason
    database = folder / DATABASE
    if not os.path.exists(database):
        raise click.ClickException(f"There is no {database}, which says which of the other files are needed")
    if os.path.isfile(database) and not os.path.getsize(database):
        raise click.ClickException(f"{database} is empty, so that it does not say which of the other files are needed")


@contextmanager
def _reporting_damage() -> Iterator[None]:
    from ecr_emulator.ports.storage_failures import StorageFailure

    try:
        yield
    except StorageFailure as failure:
        raise click.ClickException(failure.reason) from None
