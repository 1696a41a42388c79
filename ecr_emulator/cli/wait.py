"""``ecr-emulator wait``: wait until an emulator is ready."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from ecr_emulator.cli.aws_environment import emulator_meant
from ecr_emulator.cli.http_client import TIMEOUT_SECONDS, Address, reason, version_of
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.cli.readiness import why_not_ready
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.setting_sources import Loaded

POLL_SECONDS = 0.1


@click.command()
@with_settings("host", "port", meaning=ADDRESS)
@click.option(
    "--port-file", type=click.Path(path_type=Path), metavar="FILE", help="Read the port from this file of serve."
)
@click.option("--timeout", default="60s", metavar="DURATION", help="Give up after this time.  [default: 60s]")
def wait(loaded: Loaded, port_file: Path | None, timeout: str) -> None:
    """Wait until an emulator answers and its init scripts have run, then print its endpoint.

    The exit code is 1 if the emulator is not ready in time.

    \b
    Example: ecr-emulator wait --timeout 30s
    """
    try:
        seconds = parse_duration(timeout).total_seconds()
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--timeout") from None
    end = time.monotonic() + seconds
    while True:
        address, obstacle = _look(loaded, port_file, max(end - time.monotonic(), POLL_SECONDS))
        if address and obstacle is None:
            click.echo(address.url)
            return
        if time.monotonic() > end:
            raise click.ClickException(f"Not ready within {timeout}: {obstacle}")
        time.sleep(POLL_SECONDS)


def _look(loaded: Loaded, port_file: Path | None, seconds: float) -> tuple[Address | None, str | None]:
    """Return the address, if it is known, and why the emulator there is not ready; None if it is ready.

    An answer may take at most these seconds.
    """
    address = None
    try:
        address = _address_in(port_file, loaded) if port_file else emulator_meant(loaded)
        version_of(address, min(seconds, TIMEOUT_SECONDS))
        return address, why_not_ready(address)
    except FileNotFoundError:
        return None, f"there is no file {port_file}; serve --port-file writes it"
    except ValueError:
        return None, f"{port_file} contains no port"
    except OSError as failure:
        return address, f"no emulator {address.words if address else 'is known'}: {reason(failure)}"


def _address_in(port_file: Path, loaded: Loaded) -> Address:
    port = int(port_file.read_text(encoding="ascii"))
    return Address.of(replace(loaded.settings, port=port))
