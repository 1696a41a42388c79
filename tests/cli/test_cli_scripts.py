"""Commands and options for scripts: ``login``, ``wait``, ``serve --port-file`` and ``--ready-fd``."""

import json
import os
import subprocess
import sys
from threading import Timer

import pytest
import requests

from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import invoke, run_here
from tests.support.processes import COMMAND, WAIT_SECONDS, environment, run
from tests.support.programs import until

CLIENT = f"""#!{sys.executable}
import json, sys
print(json.dumps([sys.argv[1:], sys.stdin.read()]), file=open(sys.argv[0] + ".seen", "w"))
sys.exit("denied" in sys.argv[0])
"""
SLOW = "#!/bin/sh\nwhile [ ! -e go ]; do sleep 0.05; done\n"


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        yield running


def add_client(folder, name):
    (folder / name).write_text(CLIENT)
    (folder / name).chmod(0o755)


def test_login_gives_a_client_a_password_that_the_registry_takes(emulator, tmp_path):
    add_client(tmp_path, "podman")
    done = invoke(emulator, "login", PATH=str(tmp_path))
    assert done.exit_code == 0, done.output
    arguments, password = json.loads((tmp_path / "podman.seen").read_text())
    host = emulator.endpoint_url.removeprefix("http://")
    assert arguments == ["login", "--tls-verify=false", "--username", "AWS", "--password-stdin", host]
    assert requests.get(f"{emulator.endpoint_url}/v2/", auth=("AWS", password), timeout=10).status_code == 200
    printed = invoke(emulator, "login", "--print-password").stdout.strip()
    assert requests.get(f"{emulator.endpoint_url}/v2/", auth=("AWS", printed), timeout=10).status_code == 200


def test_login_without_a_client_says_which_there_are(emulator, tmp_path):
    done = invoke(emulator, "login", PATH=str(tmp_path))
    assert done.exit_code == 1
    assert "There is no docker and no podman here. --with names another client" in done.stderr
    assert "There is no crane here" in invoke(emulator, "login", "--with", "crane", PATH=str(tmp_path)).stderr


def test_a_refused_login_ends_with_1(emulator, tmp_path):
    folder = tmp_path / "denied"
    folder.mkdir()
    add_client(folder, "docker")
    done = invoke(emulator, "login", PATH=str(folder))
    assert (done.exit_code, "docker could not log in to" in done.stderr) == (1, True)


def test_the_port_file_and_the_descriptor_tell_a_script_when_it_can_begin(tmp_path):
    (tmp_path / "slow.sh").write_text(SLOW)
    (tmp_path / "slow.sh").chmod(0o755)
    reader, writer = os.pipe()
    options = ["--port", "0", "--port-file", "port", "--ready-fd", str(writer), "--init-scripts", "slow.sh"]
    arguments = [*COMMAND, "serve", *options]
    how = {"cwd": tmp_path, "env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(arguments, pass_fds=[writer], **how) as process, os.fdopen(reader) as ready:
        os.close(writer)
        limit = Timer(WAIT_SECONDS, process.kill)
        limit.start()
        while b"State: " not in (line := process.stdout.readline()):
            assert line, f"it ended with {process.wait()}, and printed no line about the state"
        until((tmp_path / "port").exists)
        too_early = run_here(tmp_path, "wait", "--port-file", "port", "--timeout", "0")
        assert (too_early.returncode, too_early.stdout) == (1, "")
        assert "Not ready within 0: " in too_early.stderr
        assert "The init scripts have not all run yet" in too_early.stderr
        (tmp_path / "go").touch()
        port = ready.read()  # ends when the emulator has written the line and closed the descriptor, or is killed
        limit.cancel()
        assert port == (tmp_path / "port").read_text()
        waited = run_here(tmp_path, "wait", "--port-file", "port")
        assert (waited.returncode, waited.stdout) == (0, f"http://localhost:{port}")
        process.terminate()
        assert process.wait(20) == 0
    assert not (tmp_path / "port").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--port-file", "missing/port"], "--port-file missing/port cannot be written: No such file or directory"),
        (["--ready-fd", "77"], "--ready-fd 77 is no open file descriptor; a shell opens one with 77>FILE"),
        (["--ready-fd", "-1"], "-1 is not in the range"),
    ],
)
def test_serve_refuses_a_file_or_a_descriptor_that_it_cannot_write(tmp_path, arguments, reason):
    done = run(tmp_path, "serve", "--port", "0", *arguments)
    assert done.returncode == 2
    assert reason in done.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no file port; serve --port-file writes it"),
        ("x", "port contains no port"),
        ("1", "no emulator"),
    ],
)
def test_wait_gives_up_with_the_reason(tmp_path, monkeypatch, content, reason):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / "port").write_text(content)
    done = invoke(None, "wait", "--port-file", "port", "--timeout", "0")
    assert done.exit_code == 1
    assert f"Not ready within 0: {reason}" in done.stderr
