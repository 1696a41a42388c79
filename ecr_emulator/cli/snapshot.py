"""``ecr-emulator snapshot``: the whole state of a running emulator in a file."""

from __future__ import annotations

from pathlib import Path

import click

from ecr_emulator.cli.formatting import size_in_words
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

STATE = "/_ecr/state"
TAR = "application/x-tar"


@click.group()
def snapshot() -> None:
    """Save the state of a running emulator to a file, or load it from one."""


@snapshot.command()
@asks_a_running_emulator
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def save(emulator: RunningEmulator, file: Path) -> None:
    """Write everything to FILE: repositories, images, rules, settings and secrets.

    FILE is a tar file with an OCI layout. Secrets are in it as they are: only its owner may read it.
    """
    from ecr_emulator.private_files import owner_only

    new = file.with_name(f"{file.name}.new")
    with emulator.client() as client:
        answer = client.download(STATE)
        try:
            with open(new, "wb", opener=owner_only) as out:
                for chunk in answer.chunks:
                    out.write(chunk)
            _require_whole(new, answer.headers.get("content-length"))
            new.replace(file)
        except OSError as failure:
            raise click.ClickException(f"{file} cannot be written: {failure.strerror or failure}") from None
        finally:
            new.unlink(missing_ok=True)
    click.echo(f"{file}: {size_in_words(file.stat().st_size)}")


@snapshot.command()
@asks_a_running_emulator
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load(emulator: RunningEmulator, file: Path) -> None:
    """Replace everything that a running emulator has by the content of FILE.

    A damaged file, or one of a newer version, is refused, and nothing is lost. Exit code 1 in this case.
    """
    try:
        content = file.open("rb")
    except OSError as failure:
        raise click.ClickException(f"{file} cannot be read: {failure.strerror}") from None
    with content, emulator.client() as client:
        client.upload(STATE, content, file.stat().st_size, TAR)
    click.echo(f"{file} is loaded.")


def _require_whole(file: Path, size: str | None) -> None:
    if size is not None and file.stat().st_size != int(size):
        raise OSError("the emulator ended in the middle")
