"""``ecr-emulator clock``: the time of a running emulator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ecr_emulator.cli.output import print_json, with_json
from ecr_emulator.cli.running_emulator import RunningEmulator, asks_a_running_emulator
from ecr_emulator.domain.durations import parse_duration

SWITCHES = {"freeze": "freeze", "follow-machine": "follow_machine"}
VALUES = {"advance": "a length of time, like 25h or 7d", "set": "a time, like 2030-01-01T00:00:00Z"}


@click.command()
@asks_a_running_emulator
@click.argument("action", required=False, metavar="[ACTION]", type=click.Choice([*VALUES, *SWITCHES]))
@click.argument("value", required=False)
@with_json
def clock(emulator: RunningEmulator, action: str | None, value: str | None, as_json: bool) -> None:
    """Show the emulator's time, or move it.

    "advance 25h" moves the time forward, "set 2030-01-01T00:00:00Z" sets it, "freeze" stops it, and "follow-machine"
    shows the machine's time again. Work that falls due is done before the command ends.

    \b
    Example: ecr-emulator clock advance 25h
    """
    answer = emulator.send("/_ecr/clock", _body(action, value)) if action else emulator.get("/_ecr/clock", {})
    if as_json:
        print_json(answer)
    else:
        click.echo(answer["now"])


def _body(action: str, value: str | None) -> dict[str, Any]:
    """Return the body of the request. Raises ``UsageError`` with the expected form."""
    if action in SWITCHES:
        if value is not None:
            raise click.UsageError(f"{action} takes no value, so that {value!r} is too much")
        return {SWITCHES[action]: True}
    if value is None:
        raise click.UsageError(f"{action} needs {VALUES[action]}")
    try:
        if action == "advance":
            parse_duration(value)
        else:
            datetime.fromisoformat(value)
    except ValueError as wrong:
        raise click.UsageError(f"{action} needs {VALUES[action]}: {wrong}") from None
    return {action: value}
