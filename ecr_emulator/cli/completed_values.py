"""Values that the shell completes: repositories and images of the running emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from time import monotonic
from typing import TYPE_CHECKING

import click

from ecr_emulator.settings import SETTINGS

if TYPE_CHECKING:
    from ecr_emulator.cli.registry_client import RegistryClient

TIMEOUT_SECONDS = 2
"""Maximum time for an answer of the emulator, and for all of them, as the shell waits."""


def repository_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the repositories whose names begin with a text."""
    return [name for name in _asked(context, _repositories) if name.startswith(incomplete)]


def image_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the repositories whose names begin with a text, or the images if it leaves only one repository."""
    repository, colon, _tag = incomplete.partition(":")
    if not colon:
        found = repository_names(context, _, incomplete)
        if len(found) != 1:
            return found
        (repository,) = found
    names = _asked(context, lambda client: (f"{repository}:{tag}" for tag in client.tags(repository)))
    return sorted(name for name in names if name.startswith(incomplete))


def _repositories(client: RegistryClient) -> Iterable[str]:
    return (each["repositoryName"] for each in client.repositories())


def _asked(context: click.Context, ask: Callable[[RegistryClient], Iterable[str]]) -> list[str]:
    """Ask the emulator that the words before name, and return the names that come in time.

    Returns nothing if it cannot answer: a shell shows no errors.
    """
    from ecr_emulator.cli.options import loaded_settings
    from ecr_emulator.cli.running_emulator import RunningEmulator

    given = {name: value for name, value in context.params.items() if name in SETTINGS}
    try:
        emulator = RunningEmulator(loaded_settings(context.params.get("config"), given))
        with emulator.registry_client(timeout=TIMEOUT_SECONDS) as client:
            end = monotonic() + TIMEOUT_SECONDS
            return list(takewhile(lambda _: monotonic() < end, ask(client)))
    except click.ClickException:
        return []
