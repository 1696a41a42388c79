"""``ecr-emulator completion``: the scripts in the shells that they are for."""

import os
import shutil
import subprocess
import sys

import pytest

from ecr_emulator.cli import completed_values
from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import invoke
from tests.support.processes import environment

PROGRAM = f"""#!{sys.executable}
from ecr_emulator.cli.main import main
main(prog_name="ecr-emulator")
"""
BASH = """
source <(ecr-emulator completion bash)
for COMP_LINE in "$@"; do
    COMP_POINT=${#COMP_LINE}
    _ecr_emulator_completion ecr-emulator
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        ecr = running.client()
        for name in ("team/app", "team/web"):
            ecr.create_repository(repositoryName=name)
        for tag in ("1.0", "1.1", "latest"):
            running.push_image("team/web", tag)
        yield running


@pytest.fixture
def shell(emulator, tmp_path):
    """Return a function that runs a shell which has ``ecr-emulator``; skips the test if there is no such shell."""
    program = tmp_path / "ecr-emulator"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    variables = environment(AWS_ENDPOINT_URL=emulator.endpoint_url, PATH=path, HOME=str(tmp_path))

    def run(name, *arguments):
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")
        done = subprocess.run([name, *arguments], env=variables, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run


def test_bash_completes_commands_repositories_and_tags(shell):
    completed = {
        "ecr-emulator ima": "images image",
        "ecr-emulator image ": "team/app team/web",
        "ecr-emulator image team/w": "team/web:1.0 team/web:1.1 team/web:latest",
        "ecr-emulator findings team/web:1.": "1.0 1.1",  # bash keeps what stands before a colon
        "ecr-emulator images team/a": "team/app",
        "ecr-emulator clock f": "freeze follow-machine",
        "ecr-emulator image --account 123456789012 ": "",
        "ecr-emulator image --port 1 --host 127.0.0.1 ": "",
    }
    assert dict(zip(completed, shell("bash", "-c", BASH, "bash", *completed), strict=True)) == completed


def test_fish_completes_repositories_and_tags(shell):
    source = "ecr-emulator completion fish | source; complete -C 'ecr-emulator "
    assert shell("fish", "-c", f"{source}image team/'") == ["team/app", "team/web"]
    assert shell("fish", "-c", f"{source}image team/web:1.'") == ["team/web:1.0", "team/web:1.1"]
    assert shell("fish", "-c", f"{source}lo'") == ["login\tLog docker or another client in."]


def test_the_script_for_zsh_is_valid_and_asks_for_values(shell, emulator):
    shell("zsh", "-f", "-c", "autoload -Uz compinit; compinit -u -D; source <(ecr-emulator completion zsh)")
    asking = {
        "_ECR_EMULATOR_COMPLETE": "zsh_complete",
        "COMP_WORDS": "ecr-emulator image team/web:1.",
        "COMP_CWORD": "2",
    }
    assert invoke(emulator, **asking).stdout.split() == ["plain", "team/web:1.0", "_", "plain", "team/web:1.1", "_"]


def test_a_shell_waits_no_longer_than_it_should(emulator, monkeypatch):
    asking = {
        "_ECR_EMULATOR_COMPLETE": "fish_complete",
        "COMP_WORDS": "ecr-emulator image team/",
        "COMP_CWORD": "team/",
    }
    assert invoke(emulator, **asking).stdout.split() == ["plain,team/app", "plain,team/web"]
    monkeypatch.setattr(completed_values, "monotonic", iter(range(0, 100, 2)).__next__)
    assert invoke(emulator, **asking).stdout.strip() == ""


def test_another_shell_is_refused():
    done = invoke(None, "completion", "tcsh")
    assert (done.exit_code, "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.stderr) == (2, True)
