"""``ecr-emulator demo``: pull through cache from end to end, without internet, Docker or an account."""

from __future__ import annotations

import click


@click.command()
def demo() -> None:
    """Show pull through cache from end to end, in a few seconds.

    Two emulators run in this process: one plays Docker Hub, the other is yours. Each step is printed as the command
    that you would type. A small HTTP client plays docker, so that Docker need not be installed.

    \b
    Example: ecr-emulator demo
    """
    from ecr_emulator.cli.demo_story import tell

    tell()
