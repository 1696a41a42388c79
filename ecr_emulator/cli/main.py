"""``ecr-emulator``: the group of commands."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

if "_ECR_EMULATOR_COMPLETE" in os.environ:  # a shell asks for values
    import_module("ecr_emulator.cli.bash_completion")


class CommandEntry(NamedTuple):
    """The place of a command, ``module:attribute``, and its line in the list of commands."""

    place: str
    summary: str


COMMANDS = {
    "serve": CommandEntry("ecr_emulator.cli.serve:serve", "Run the emulator until SIGTERM or Ctrl-C."),
    "demo": CommandEntry("ecr_emulator.cli.demo:demo", "Show pull through cache from end to end, in a few seconds."),
    "status": CommandEntry("ecr_emulator.cli.status:status", "Show the version and the time of a running emulator."),
    "wait": CommandEntry("ecr_emulator.cli.wait:wait", "Wait until an emulator is ready."),
    "repos": CommandEntry("ecr_emulator.cli.repos:repos", "List the repositories of a registry."),
    "images": CommandEntry("ecr_emulator.cli.images:images", "List the images of a repository, or of all."),
    "image": CommandEntry("ecr_emulator.cli.image:image", "Show an image: its tags, size, contents and referrers."),
    "findings": CommandEntry("ecr_emulator.cli.findings:findings", "List the findings of the last scan of an image."),
    "rules": CommandEntry("ecr_emulator.cli.rules:rules", "Show each pull through cache rule."),
    "templates": CommandEntry(
        "ecr_emulator.cli.templates:templates", "List the repository creation templates of a registry."
    ),
    "refresh": CommandEntry("ecr_emulator.cli.refresh:refresh", "Check one tag, or all cached tags of a repository."),
    "pull": CommandEntry("ecr_emulator.cli.pull:pull", "Import an image into the cache."),
    "events": CommandEntry("ecr_emulator.cli.events:events", "Print the events that ECR sends to EventBridge."),
    "clock": CommandEntry("ecr_emulator.cli.clock:clock", "Show the emulator's time, or move it."),
    "lifecycle": CommandEntry(
        "ecr_emulator.cli.lifecycle:lifecycle", "Evaluate all lifecycle policies now, or preview one."
    ),
    "doctor": CommandEntry("ecr_emulator.cli.doctor:doctor", "Check what usually keeps clients from the emulator."),
    "login": CommandEntry("ecr_emulator.cli.login:login", "Log docker or another client in."),
    "seed": CommandEntry("ecr_emulator.cli.seed:seed", "Create the repositories, images, rules and secrets of files."),
    "snapshot": CommandEntry("ecr_emulator.cli.snapshot:snapshot", "Save the state to a file, or load it."),
    "reset": CommandEntry("ecr_emulator.cli.reset:reset", "Empty a running emulator."),
    "gc": CommandEntry("ecr_emulator.cli.gc:gc", "Remove abandoned uploads and unused layers."),
    "migrate": CommandEntry("ecr_emulator.cli.migrate:migrate", "Move the metadata to PostgreSQL, or back."),
    "settings": CommandEntry("ecr_emulator.cli.settings:settings", "Print the value and the source of every setting."),
    "trust": CommandEntry("ecr_emulator.cli.trust:trust", "Print how to make clients trust serve --tls."),
    "completion": CommandEntry("ecr_emulator.cli.completion:completion", "Print a script for bash, zsh or fish."),
    "health": CommandEntry("ecr_emulator.cli.health:health", "Ask whether a running emulator is healthy."),
}


UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of the file into which a shell directs the output. Click ends a command quietly whose reader has left."""


class LazyGroup(click.Group):
    """A group that imports a command when it is used, and no command for the list of all."""

    def __init__(self, *args: Any, entries: Mapping[str, CommandEntry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self._entries)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and summaries of the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._entries.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises ``UsageError`` with a suggestion if it does not exist."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as unknown:
            from difflib import get_close_matches

            close = get_close_matches(args[0], self._entries, n=1)
            raise click.UsageError(unknown.message + "".join(f" Did you mean {name}?" for name in close), ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises ``ClickException`` if its output cannot be written."""
        try:
            return super().invoke(ctx)
        except OSError as failure:
            if failure.errno not in UNWRITABLE or failure.filename is not None:
                raise
            _discard_output()
            raise click.ClickException(f"The output cannot be written: {failure.strerror}") from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and options whose names begin with a text."""
        from click.shell_completion import CompletionItem

        names = (name for name in self._entries if name.startswith(incomplete))
        commands = [CompletionItem(name, help=self._entries[name].summary) for name in names]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command with this name."""
        if cmd_name not in self._entries:
            return None
        module, _, attribute = self._entries[cmd_name].place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


def _discard_output() -> None:
    """Let the rest of the output go nowhere: Python would try to write it at the end, and exit with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@click.group(cls=LazyGroup, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ecr-emulator")
@click.pass_context
def main(context: click.Context) -> None:
    """A local Amazon ECR: its API, a registry for docker, and pull through cache."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("NO_COLOR"):
        context.color = False
