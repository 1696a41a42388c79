"""``docs/commands.md``: its examples print what the page shows, and every command is on it."""

import re
import shlex
from pathlib import Path

import pytest

from ecr_emulator.cli.main import COMMANDS
from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
(CONSOLE,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
(SEED,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = re.findall(r"^\$ ecr-emulator (.+)\n((?:[^$].*\n)*)", CONSOLE, re.MULTILINE)


def test_the_examples_print_what_the_page_shows(tmp_path):
    (tmp_path / "seed.toml").write_text(SEED)
    assert len(EXAMPLES) == CONSOLE.count("$ ")
    with EcrEmulator() as emulator:
        emulator.seed(tmp_path / "seed.toml")
        endpoint = emulator.endpoint_url.replace("127.0.0.1", "localhost")
        for command, shown in EXAMPLES:
            pattern = r"[^\n]*?".join(map(re.escape, shown.split("…")))
            output = invoke(emulator, *shlex.split(command), AWS_ENDPOINT_URL=endpoint).output
            assert re.fullmatch(pattern, output), f"{command}\n{output}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_on_the_page(command):
    assert re.search(rf"`(ecr-emulator )?{command}\b", PAGE)
