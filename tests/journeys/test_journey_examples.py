"""The examples for Kubernetes, CI and systemd, checked by the tools that read them; the steps of a workflow are run."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.linux_namespaces import run_in_namespaces
from tests.support.programs import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
INSTALLED = "/opt/ecr-emulator/bin/ecr-emulator"


def check(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("workflow", ["pip.yml", "service.yml"])
def test_a_workflow_is_valid(workflow):
    schema = ["--builtin-schema", "vendor.github-workflows"]
    check(program("check-jsonschema"), *schema, str(EXAMPLES / "github-actions" / workflow))


def test_the_compose_file_is_valid():
    check(program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml"))


def test_the_manifests_are_valid():
    told = check(program("kubernetes-validate"), "--strict", str(EXAMPLES / "kubernetes" / "ecr-emulator.yaml"))
    assert told.count(" passed for resource ") == 4


def test_the_unit_is_valid(tmp_path):
    unit = (EXAMPLES / "systemd" / "ecr-emulator.service").read_text(encoding="utf-8")
    assert unit.count(INSTALLED) == 2
    (tmp_path / "ecr-emulator.service").write_text(unit.replace(INSTALLED, sys.executable))
    assert check(program("systemd-analyze"), "verify", str(tmp_path / "ecr-emulator.service")) == ""


def test_the_steps_of_the_workflow_with_pip_push_an_image(tmp_path):
    """Run the commands as they are, except for the installation; the image is built from an archive without a base."""
    job = yaml.safe_load((EXAMPLES / "github-actions" / "pip.yml").read_text(encoding="utf-8"))["jobs"]["test"]
    commands = [step["run"] for step in job["steps"] if "run" in step and "if" not in step]
    assert commands.pop(0) == "pip install ecr-emulator"
    exports = "".join(f"export {name}={value}\n" for name, value in job["env"].items())
    engine = """
        background dockerd --storage-driver=vfs --iptables=false --bridge=none
        until_it_succeeds docker version
    """
    command = f'#!/bin/sh\nexec {sys.executable} -m ecr_emulator "$@"\n'
    # The commands run a program, where other scripts in namespaces have a function of the shell.
    installed = 'unset -f ecr-emulator; chmod +x ecr-emulator; export PATH="$PWD:$PATH"\n'
    for each in ("aws", "docker", "dockerd", "ip"):
        program(each)
    shown = "aws ecr list-images --repository-name team/app\n"
    printed = run_in_namespaces(
        tmp_path,
        exports + installed + engine + "\n".join(commands) + shown,
        {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n", "ecr-emulator": command},
    )
    assert '"imageTag": "v1"' in printed
