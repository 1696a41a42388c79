"""Reports of ``serve`` to the script that started it: a file with the port, a line when it is ready."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ecr_emulator.cli.http_client import reason
from ecr_emulator.cli.options import CannotStart


@contextmanager
def port_file(file: Path | None, port: int) -> Iterator[None]:
    """Write the port to a file, if one is given, and remove the file at the end. Raises ``CannotStart``.

    The file appears with its content, so that a reader never sees half of it.
    """
    if file is None:
        yield
        return
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(f"{port}\n", encoding="ascii")
        unfinished.replace(file)
    except OSError as failure:
        unfinished.unlink(missing_ok=True)
        raise CannotStart(f"--port-file {file} cannot be written: {reason(failure)}") from None
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def check_descriptor(descriptor: int | None) -> None:
    """Raise ``CannotStart`` if there is no such file descriptor."""
    if descriptor is None:
        return
    try:
        os.fstat(descriptor)
    except OSError:
        raise CannotStart(
            f"--ready-fd {descriptor} is no open file descriptor; a shell opens one with {descriptor}>FILE"
        ) from None


def report_ready(descriptor: int | None, port: int) -> None:
    """Write a line with the port to a descriptor, if one is given, and close it. A reader that has left is ignored."""
    if descriptor is None:
        return
    with suppress(OSError), os.fdopen(descriptor, "w") as report:
        report.write(f"{port}\n")
