"""Commands that pull an image from this emulator, for copying (docs/clients.md)."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.console.pages import ConsoleRequest


class PullCommand(NamedTuple):
    """A command, and the client that it is for."""

    client: str
    command: str


def pull_commands(console: ConsoleRequest, name: str, tag: str | None, digest: str) -> list[PullCommand]:
    """Return the commands that pull an image, by its tag if it has one."""
    uri = console.uri_of(name)
    image = f"{uri}:{tag}" if tag else f"{uri}@{digest}"
    is_plain = console.scheme == "http"
    return [
        PullCommand("Docker", f"docker pull {image}"),
        PullCommand("podman", f"podman pull {'--tls-verify=false ' if is_plain else ''}{image}"),
        PullCommand("crane", f"crane pull {'--insecure ' if is_plain else ''}{image} image.tar"),
    ]


def login_command(console: ConsoleRequest, name: str) -> str | None:
    """Return the command that logs docker in; None if the registry is open."""
    if console.services.addresses.anonymous:
        return None
    exported = " ".join(f"{name}={value}" for name, value in client_variables(console).items())
    password = f"{exported} aws ecr get-login-password --region {console.registry.region}"
    host = console.uri_of(name).partition("/")[0]
    return f"{password} | docker login --username AWS --password-stdin {host}"


def client_variables(console: ConsoleRequest) -> dict[str, str]:
    """Return the environment variables with which AWS's clients use this registry."""
    variables = {"AWS_ENDPOINT_URL": f"{console.scheme}://{console.host}"}
    if console.services.access is None:
        variables |= {"AWS_ACCESS_KEY_ID": console.registry.id, "AWS_SECRET_ACCESS_KEY": "any"}
    return variables
