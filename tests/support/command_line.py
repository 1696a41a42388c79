"""Run ``ecr-emulator`` in this process, which takes no start of Python."""

from __future__ import annotations

import os

from click.testing import CliRunner, Result

from ecr_emulator.cli.main import main
from ecr_emulator.testing.embedded import EcrEmulator


def invoke(emulator: EcrEmulator | None, *arguments: str, color: bool = False, **variables: str) -> Result:
    """Run a command to its end in a shell whose AWS tools speak to an emulator, if there is one.

    ``color`` keeps colours, as a terminal does.
    """
    foreign = (name for name in os.environ if name.startswith(("ECR_EMULATOR_", "AWS_")))
    endpoint = {"AWS_ENDPOINT_URL": emulator.endpoint_url} if emulator else {}
    environment = dict.fromkeys(foreign) | endpoint | variables
    return CliRunner(env=environment).invoke(main, arguments, prog_name="ecr-emulator", color=color)
