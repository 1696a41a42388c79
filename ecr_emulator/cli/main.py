"""``ecr-emulator``: the group of commands."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from ecr_emulator.version import __version__

COMMANDS = {
    "serve": "ecr_emulator.cli.serve:serve",
    "demo": "ecr_emulator.cli.demo:demo",
    "settings": "ecr_emulator.cli.settings:settings",
    "trust": "ecr_emulator.cli.trust:trust",
    "rules": "ecr_emulator.cli.rules:rules",
    "refresh": "ecr_emulator.cli.refresh:refresh",
    "pull": "ecr_emulator.cli.pull:pull",
    "seed": "ecr_emulator.cli.seed:seed",
    "snapshot": "ecr_emulator.cli.snapshot:snapshot",
    "reset": "ecr_emulator.cli.reset:reset",
    "gc": "ecr_emulator.cli.gc:gc",
    "health": "ecr_emulator.cli.health:health",
}


class LazyGroup(click.Group):
    """A group that imports a command on first use. ``commands_at`` maps names to ``module:attribute``."""

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._commands_at)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises ``UsageError`` with a suggestion if it does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as unknown:
            close = get_close_matches(args[0], self._commands_at, n=1)
            raise click.UsageError(unknown.message + "".join(f" Did you mean {name}?" for name in close), ctx) from None

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name."""
        if cmd_name not in self._commands_at:
            return None
        module, _, attribute = self._commands_at[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ecr-emulator")
def main() -> None:
    """A local Amazon ECR: its API, a registry for docker, and pull through cache."""
