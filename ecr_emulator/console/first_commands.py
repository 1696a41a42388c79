"""Commands that fill a registry in which there is nothing yet, for copying. Programs get some of them at ``/``."""

from __future__ import annotations

from ecr_emulator.console.pages import ConsoleRequest
from ecr_emulator.console.pull_commands import client_variables

REPOSITORY = "app"
PREFIX, UPSTREAM, UPSTREAM_IMAGE = "quay", "quay.io", "prometheus/busybox:latest"
"""A rule for an upstream that needs no credentials, and an image of this upstream."""


def first_repository(console: ConsoleRequest) -> str:
    """Return the commands that create a repository and push an image to it."""
    return _lines(
        _exports(console), f"aws ecr create-repository --repository-name {REPOSITORY}", first_push(console, REPOSITORY)
    )


def first_push(console: ConsoleRequest, name: str) -> str:
    """Return the commands that push an image to a repository."""
    image = f"{console.uri_of(name)}:v1"
    return _lines(_login(console, name), f"docker tag IMAGE {image}", f"docker push {image}")


def first_rule(console: ConsoleRequest) -> str:
    """Return the commands that create a pull through cache rule and pull an image through it."""
    name = f"{PREFIX}/{UPSTREAM_IMAGE.partition(':')[0]}"
    return _lines(
        _exports(console),
        f"aws ecr create-pull-through-cache-rule --ecr-repository-prefix {PREFIX} --upstream-registry-url {UPSTREAM}",
        _login(console, name),
        f"docker pull {console.uri_of(name)}:{UPSTREAM_IMAGE.partition(':')[2]}",
    )


def first_template(console: ConsoleRequest) -> str:
    """Return the commands that create a repository creation template."""
    created = f"aws ecr create-repository-creation-template --prefix {PREFIX} --applied-for PULL_THROUGH_CACHE"
    return _lines(_exports(console), created)


def _exports(console: ConsoleRequest) -> str:
    variables = client_variables(console) | {"AWS_DEFAULT_REGION": console.registry.region}
    return "\n".join(f"export {name}={value}" for name, value in variables.items())


def _login(console: ConsoleRequest, name: str) -> str | None:
    """Return the command that logs docker in; None if the registry is open."""
    if console.services.addresses.anonymous:
        return None
    host = console.uri_of(name).partition("/")[0]
    return f"aws ecr get-login-password | docker login --username AWS --password-stdin {host}"


def _lines(*commands: str | None) -> str:
    return "\n".join(each for each in commands if each)
