"""``ecr-emulator health``: whether a running emulator answers."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ecr_emulator.cli.options import with_settings
from ecr_emulator.settings import Loaded

TIMEOUT_SECONDS = 10
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names the address, binds nothing


@click.command()
@with_settings("host", "port")
def health(loaded: Loaded) -> None:
    """Ask a running emulator how it is. Exit code 0 if it is well, 1 if it is not or is not there."""
    port = loaded.settings.port
    try:
        version = ask(loaded.settings.host, port)
    except OSError as failure:
        raise click.ClickException(f"No healthy emulator on port {port}: {failure}") from None
    click.echo(f"ok, version {version}")


def ask(hosts: Sequence[str], port: int) -> str:
    """The version of the emulator that answers on the first of the hosts. OSError if none does."""
    import json
    from http.client import HTTPConnection, HTTPException

    host = LOOPBACK_OF.get(hosts[0], hosts[0])
    connection = HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/_ecr/health")
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"it answers {answer.status} {answer.reason}")
        return str(json.load(answer)["version"])
    except (HTTPException, ValueError, LookupError, TypeError) as wrong:
        raise OSError("something else answers there") from wrong
    finally:
        connection.close()
