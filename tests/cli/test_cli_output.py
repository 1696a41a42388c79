"""The output of commands: long lists, narrow terminals, hostile texts, and files that cannot be written."""

import json
import os
import pty
import re
import subprocess
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import pytest

from ecr_emulator.cli import images, output
from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import invoke
from tests.support.processes import COMMAND, environment

LONG = "organisation-with-a-long-name/department/team/service-with-a-long-name"
HOSTILE = "line one\nline two \x1b]0;title\x07\x1b[31mred"


@pytest.fixture(scope="module")
def emulator():
    with EcrEmulator() as running:
        running.clock.freeze()  # so that ages are equal
        ecr = running.client()
        for name in ("team/app", LONG):
            ecr.create_repository(repositoryName=name)
        for tag in ("1", "2", "3"):
            running.push_image("team/app", tag)
        running.push_image(LONG, "v1")
        ecr.create_repository_creation_template(prefix="ROOT", appliedFor=["REPLICATION"], description=HOSTILE)
        yield running


def in_terminal(emulator, columns, *arguments, **variables):
    """Return the lines that a command prints in a terminal of this width."""
    leader, follower = pty.openpty()
    ioctl(follower, TIOCSWINSZ, pack("HHHH", 24, columns, 0, 0))
    known = environment(AWS_ENDPOINT_URL=emulator.endpoint_url, NO_COLOR="1") | variables
    known.pop("COLUMNS", None)
    how = {"stdin": follower, "stdout": follower, "stderr": follower, "env": known}
    with subprocess.Popen([*COMMAND, *arguments], **how) as process:
        os.close(follower)
        shown = b""
        while part := _read(leader):
            shown += part
        os.close(leader)
        assert process.wait(30) == 0, shown
    return shown.decode().replace("\r", "").splitlines()


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux ends the input of a terminal whose programs have ended with an error
        return b""


@pytest.mark.parametrize("columns", [80, 100])
def test_a_table_fits_a_terminal_and_is_whole_elsewhere(emulator, columns):
    lines = in_terminal(emulator, columns, "images")
    assert len(lines) == 5
    assert max(map(len, lines)) == columns
    assert any("…" in line for line in lines)
    assert LONG in invoke(emulator, "images").stdout
    assert any(LONG in line for line in in_terminal(emulator, 250, "images"))


def test_a_narrow_terminal_leaves_something_of_each_cell(emulator):
    lines = in_terminal(emulator, 20, "repos")
    assert lines[0].split()[:2] == ["REPOSITORY", "CREATED"]
    assert lines[1].startswith("organisatio…  ")


def test_control_characters_of_foreign_texts_do_not_reach_a_terminal(emulator):
    lines = in_terminal(emulator, 200, "templates")
    assert len(lines) == 2
    assert lines[1].endswith("line one line two  ]0;title  [31mred")


def test_a_locale_that_lacks_a_character_shows_its_code(emulator):
    emulator.client("ecr", account="123456789012").create_repository_creation_template(
        prefix="ROOT", appliedFor=["REPLICATION"], description="für alle 日本"
    )
    arguments = [*COMMAND, "templates", "--account", "123456789012"]
    variables = environment(AWS_ENDPOINT_URL=emulator.endpoint_url, PYTHONIOENCODING="latin-1")
    shown = subprocess.run(arguments, env=variables, capture_output=True, check=True, timeout=60).stdout
    assert shown.decode("latin-1").rstrip().endswith(r"für alle \u65e5\u672c")


@pytest.mark.parametrize("buffering", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", [["images"], ["images", "--json"], ["events"]])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_output_that_cannot_be_written_is_reported(emulator, arguments, buffering):
    with open("/dev/full", "w") as full:
        how = {"env": environment(AWS_ENDPOINT_URL=emulator.endpoint_url, PYTHONUNBUFFERED=buffering), "stdout": full}
        done = subprocess.run([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, check=False, timeout=60, **how)
    assert (done.returncode, done.stderr) == (1, "Error: The output cannot be written: No space left on device\n")


def test_a_reader_that_leaves_ends_a_command_quietly(emulator):
    code = f"{' '.join(COMMAND)} images --json | head -n 1; echo ${{PIPESTATUS[0]}}"
    how = {"env": environment(AWS_ENDPOINT_URL=emulator.endpoint_url), "capture_output": True, "text": True}
    done = subprocess.run(["bash", "-c", code], check=True, timeout=60, **how)
    assert done.stdout.splitlines()[0] == "["
    assert done.stderr == ""


def test_long_lists_are_printed_as_their_pages_come(emulator, monkeypatch):
    whole, document = invoke(emulator, "images").stdout, invoke(emulator, "images", "--json").stdout
    monkeypatch.setattr(images, "PAGE", 2)
    monkeypatch.setattr(output, "BATCH", 2)
    assert [line.split() for line in invoke(emulator, "images").stdout.splitlines()] == [
        line.split() for line in whole.splitlines()
    ]
    assert invoke(emulator, "images", "--json").stdout == document
    assert document == json.dumps(json.loads(document), indent=2) + "\n"
    assert len(json.loads(document)) == 4


@pytest.mark.parametrize(("limit", "tags"), [("1", ["3"]), ("2", ["3", "2"]), ("9", ["3", "2", "1"])])
def test_a_limit_leaves_the_newest_images(emulator, limit, tags):
    shown = json.loads(invoke(emulator, "images", "team/app", "--limit", limit, "--json").stdout)
    assert [image["imageTags"] for image in shown] == [[tag] for tag in tags]
    assert len(json.loads(invoke(emulator, "images", "--limit", limit, "--json").stdout)) == len(tags) + 1


def test_a_terminal_shows_the_progress_of_a_snapshot(emulator, tmp_path):
    file = str(tmp_path / "state.tar")
    for action in ("save", "load"):
        shown = "\n".join(in_terminal(emulator, 100, "snapshot", action, file))
        size = re.search(r"state\.tar: (.*) of \1  \[#+\]  100%", shown)
        assert size, shown
    assert "#" not in invoke(emulator, "snapshot", "save", file).stdout


def test_no_images_are_an_empty_list(emulator):
    arguments = ["images", "--account", "123456789012"]
    assert invoke(emulator, *arguments, "--json").stdout == "[]\n"
    assert invoke(emulator, *arguments).stdout == "There are no images in 123456789012, us-east-1.\n"
