"""``ecr-emulator snapshot``: the whole state of a running emulator in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ecr_emulator.cli.formatting import size_in_words
from ecr_emulator.cli.progress import progress_of_bytes
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator


@click.group()
def snapshot() -> None:
    """Save the state of a running emulator to a file, or load it from one.

    \b
    Example: ecr-emulator snapshot save state.tar
    """


@snapshot.command()
@asks_a_running_emulator
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def save(emulator: RunningEmulator, file: Path) -> None:
    """Write everything to FILE: repositories, images, rules, settings and secrets.

    FILE is a tar file with an OCI layout. Secrets are in it as they are: only its owner may read it.

    \b
    Example: ecr-emulator snapshot save state.tar
    """
    from ecr_emulator.seeds.snapshot_files import save_snapshot

    with emulator.client() as client, _file_failures(file, "written"), progress_of_bytes(file.name) as progress:
        save_snapshot(client, file, progress)
    click.echo(f"{file}: {size_in_words(file.stat().st_size)}")


@snapshot.command()
@asks_a_running_emulator
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load(emulator: RunningEmulator, file: Path) -> None:
    """Replace everything that a running emulator has by the content of FILE.

    A damaged file, or one of a newer version, is refused, and nothing is lost. Exit code 1 in this case.

    \b
    Example: ecr-emulator snapshot load state.tar
    """
    from ecr_emulator.seeds.snapshot_files import load_snapshot

    with _file_failures(file, "read"):
        file.open("rb").close()  # a wrong name is reported whether an emulator answers or not
    with emulator.client() as client, _file_failures(file, "read"), progress_of_bytes(file.name) as progress:
        load_snapshot(client, file, progress)
    click.echo(f"{file} is loaded.")


@contextmanager
def _file_failures(file: Path, done: str) -> Iterator[None]:
    """Report failures of the file; failures of the connection have no file name, and are reported elsewhere."""
    try:
        yield
    except OSError as failure:
        if failure.filename is None:
            raise
        raise click.ClickException(f"{file} cannot be {done}: {failure.strerror}") from None
