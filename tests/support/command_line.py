"""Run ``ecr-emulator`` in this process, which takes no start of Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from subprocess import CompletedProcess

from click.testing import CliRunner, Result

from ecr_emulator.cli.main import main
from ecr_emulator.testing.embedded import EcrEmulator


def invoke(emulator: EcrEmulator | None, *arguments: str, color: bool = False, **variables: str) -> Result:
    """Run a command to its end in a shell whose AWS tools speak to an emulator, if there is one.

    ``color`` keeps colours, as a terminal does.
    """
    endpoint = {"AWS_ENDPOINT_URL": emulator.endpoint_url} if emulator else {}
    return _runner(endpoint | variables).invoke(main, arguments, prog_name="ecr-emulator", color=color)


def run_here(folder: Path, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """Run a command to its end in a folder and a shell without variables of AWS, as ``processes.run`` does."""
    with chdir(folder):
        done = _runner(variables).invoke(main, arguments, prog_name="ecr-emulator", catch_exceptions=False)
    return CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def _runner(variables: Mapping[str, str]) -> CliRunner:
    """Return a runner whose environment has these variables instead of all those of the emulator and of AWS."""
    foreign = (name for name in os.environ if name.startswith(("ECR_EMULATOR_", "AWS_")))
    return CliRunner(env={**dict.fromkeys(foreign), **variables})
