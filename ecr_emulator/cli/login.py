"""``ecr-emulator login``: log a registry client in to a running emulator."""

from __future__ import annotations

import base64
import shutil
import subprocess
from urllib.parse import urlsplit

import click

from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator

LOGIN = {
    "docker": ["login"],
    "podman": ["login"],
    "skopeo": ["login"],
    "crane": ["auth", "login"],
    "helm": ["registry", "login"],
    "oras": ["login"],
}
WITHOUT_TLS = {
    "podman": ["--tls-verify=false"],
    "skopeo": ["--tls-verify=false"],
    "helm": ["--plain-http"],
    "oras": ["--plain-http"],
}
"""Options with which a client speaks HTTP. The others do so by themselves to localhost."""


@click.command()
@asks_a_running_emulator
@click.option(
    "--with", "program", type=click.Choice(list(LOGIN)), help="Client to log in.  [default: docker or podman]"
)
@click.option("--print-password", is_flag=True, help="Print the password for the user AWS, and log in nobody.")
def login(emulator: RunningEmulator, program: str | None, print_password: bool) -> None:
    """Log docker or another client in to a registry of the emulator, for twelve hours of its clock.

    \b
    Example: ecr-emulator login --with podman
    """
    with emulator.registry_client() as client:
        (data,) = client.call("GetAuthorizationToken")["authorizationData"]
    password = base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    if print_password:
        click.echo(password)
        return
    endpoint = urlsplit(data["proxyEndpoint"])
    program = _program(program)
    plain = WITHOUT_TLS.get(program, []) if endpoint.scheme == "http" else []
    command = [program, *LOGIN[program], *plain, "--username", "AWS", "--password-stdin", endpoint.netloc]
    done = subprocess.run(command, input=password, text=True, check=False)  # noqa: S603 - one of the clients above
    if done.returncode:
        raise click.ClickException(f"{program} could not log in to {endpoint.netloc}; its reason is above")


def _program(named: str | None) -> str:
    """Return the client that the user names, or else docker or podman. Raises ``ClickException`` if it is missing."""
    wanted = [named] if named else ["docker", "podman"]
    found = next(filter(shutil.which, wanted), None)
    if found is None:
        raise click.ClickException(
            f"There is no {' and no '.join(wanted)} here. --with names another client, and --print-password prints "
            "the password of the user AWS"
        )
    return found
