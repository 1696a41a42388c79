"""``ecr-emulator completion``: the scripts with which shells complete commands, options, repositories and tags."""

from __future__ import annotations

import click

PROGRAM, VARIABLE = "ecr-emulator", "_ECR_EMULATOR_COMPLETE"
"""The name that is completed, and the variable with which its script asks for values."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script for bash, zsh or fish, which completes commands, options, repositories and tags.

    \b
    Example, for ~/.bashrc: source <(ecr-emulator completion bash)
    Example, for ~/.zshrc after compinit: source <(ecr-emulator completion zsh)
    Example, for fish: ecr-emulator completion fish > ~/.config/fish/completions/ecr-emulator.fish
    """
    from click.shell_completion import get_completion_class

    import ecr_emulator.cli.bash_completion  # noqa: F401 - registers the class for bash

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"There is no completion for {shell}")
    click.echo(kind(context.find_root().command, {}, PROGRAM, VARIABLE).source())
