"""Completion in shells at a terminal: somebody types a part of a word and presses the tab key."""

import os
import re
import subprocess
import sys
from select import select
from time import monotonic

import pytest

from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.processes import environment
from tests.support.programs import program

pytestmark = pytest.mark.journey

SHELLS = {
    "bash": (["--norc", "-i"], "source <(ecr-emulator completion bash)"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(ecr-emulator completion zsh)"),
    "fish": (["--no-config", "-i"], "ecr-emulator completion fish | source"),
}
PROGRAM = f"#!{sys.executable}\nfrom ecr_emulator.cli.main import main\nmain(prog_name='ecr-emulator')\n"
SECONDS = 60


class Terminal:
    """A shell in a terminal, which ``script`` gives it."""

    def __init__(self, name, variables):
        arguments, setup = SHELLS[name]
        command = [program("script"), "--quiet", "--command", " ".join([program(name), *arguments]), "/dev/null"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
        self._process = subprocess.Popen(command, env=variables, **pipes)
        self.type(f"{setup}; echo rea''dy\n", "ready\r")

    def type(self, keys, expected):
        """Type keys, and wait until the shell shows a text; codes of the terminal are left out."""
        self._process.stdin.write(keys.encode())
        shown, end = "", monotonic() + SECONDS
        while expected not in shown:
            assert monotonic() < end, f"{keys!r} shows {shown!r}"
            if select([self._process.stdout], [], [], 1)[0]:
                shown += re.sub(
                    r"\x1b(\[[0-9;?=>]*[a-zA-Z]|[=>()][AB0]?)", "", self._process.stdout.read(4096).decode()
                )
        self._process.stdin.write(b"\x15")  # deletes the line

    def close(self):
        with self._process as process:
            process.kill()


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        for tag in ("1.0", "2.0"):
            running.push_image("team/web", tag)
        yield running


@pytest.fixture
def terminal(emulator, request, tmp_path):
    command = tmp_path / "ecr-emulator"
    command.write_text(PROGRAM)
    command.chmod(0o755)
    where = {"AWS_ENDPOINT_URL": emulator.endpoint_url, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    terminal = Terminal(request.param, environment(**where, HOME=str(tmp_path), TERM="dumb"))
    yield terminal
    terminal.close()


@pytest.mark.parametrize("terminal", SHELLS, indirect=True)
def test_the_tab_key_completes_commands_repositories_and_tags(terminal):
    terminal.type("ecr-emulator templ\t", "templates")
    terminal.type("ecr-emulator images tea\t", "team/web")
    terminal.type("ecr-emulator image team/web:1\t", "team/web:1.0")
    terminal.type("ecr-emulator images --lim\t", "--limit")
