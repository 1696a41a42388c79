"""Only their owner can read the files, and an unusable folder is refused in one sentence."""

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.serving.certificates import certificate_for
from ecr_emulator.settings import Settings
from tests.support.boto import client_of
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.processes import environment


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=lambda mask: f"umask {mask:03o}")
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder):
    return {
        path.relative_to(folder).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
        if path.exists()
    }


def use(folder):
    """Push an image, begin an upload, create a secret; return the modes of all files while the emulator runs."""
    with Emulator(Settings(data_dir=folder)) as emulator:
        docker = Docker(emulator)
        if not docker.ecr.describe_repositories()["repositories"]:
            docker.ecr.create_repository(repositoryName="team/app")
            client_of(emulator, "secretsmanager").create_secret(Name="hub", SecretString="x")
        docker.push(an_image("app"), "v1")
        docker.send("PATCH", docker.begin(), data=b"part")
        return modes(folder)


def open_to_others(found):
    return {name: oct(mode) for name, mode in found.items() if mode & 0o077}


def test_everything_in_the_data_directory_is_its_owners_alone(umask, tmp_path):
    found = use(tmp_path / "state")
    assert open_to_others(found) == {}
    assert found["."] == 0o700
    written = {"ecr.sqlite", "ecr.sqlite-wal", "ecr.sqlite-shm", "owner.sqlite", "owner.pid", "blobs", "ingest"}
    assert written | {"companions/secretsmanager.json"} <= set(found)


def test_files_that_others_could_read_are_closed_at_the_next_start(tmp_path):
    folder = tmp_path / "state"
    use(folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    assert open_to_others(use(folder)) == {}


def test_a_dangling_symbolic_link_does_not_prevent_the_start(tmp_path):
    folder = tmp_path / "state"
    use(folder)
    (folder / "blobs" / "gone").symlink_to(tmp_path / "nowhere")
    (folder / "ecr.old").symlink_to(tmp_path / "nowhere")
    (folder / "blobs").chmod(0o755)
    assert open_to_others(use(folder)) == {}


def test_an_existing_directory_is_closed_unless_it_contains_other_files(tmp_path):
    ours, shared = tmp_path / "ours", tmp_path / "shared"
    for folder in (ours, shared):
        folder.mkdir(mode=0o755)
    (shared / "somebody-elses").write_text("x")
    (shared / "somebody-elses").chmod(0o644)
    assert open_to_others(use(ours)) == {}
    assert open_to_others(use(shared)) == {".": "0o755", "somebody-elses": "0o644"}


def test_temporary_state_is_its_owners_alone(umask):
    with Emulator() as emulator:
        Docker(emulator).ecr.create_repository(repositoryName="app")
        assert open_to_others(modes(emulator.data_dir)) == {}


def test_keys_of_certificates_are_their_owners_alone(umask, tmp_path):
    folder = tmp_path / "tls"
    now = datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(2):
        certificate_for(folder, [], now)
        assert {name for name in modes(folder) if name.endswith("-key.pem")} == {"ca-key.pem", "server-key.pem"}
        assert not {name for name in open_to_others(modes(folder)) if name.endswith("-key.pem")}
        for key in folder.glob("*-key.pem"):
            key.chmod(0o644)


def test_a_second_start_does_not_disturb_a_running_emulator(start, tmp_path):
    with Emulator(Settings(data_dir=tmp_path)) as emulator:
        answer = start("--data-dir", str(tmp_path))
        assert "is in use by process" in answer.stderr
        assert Client(emulator.wsgi).get("/_ecr/ready").status_code == 200


# --- Unusable folders ------------------------------------------------------------------------------------------


ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
"""The beginning of a command that runs without the capabilities that let root open all files."""
COMMANDS = """
import json, sys
from click.testing import CliRunner
from ecr_emulator.cli.main import main

for line in sys.stdin:
    done = CliRunner().invoke(main, json.loads(line), prog_name="ecr-emulator")
    print(json.dumps({"returncode": done.exit_code, "stderr": done.stderr}), flush=True)
"""
NAMELESS = """
import pwd, runpy, sys

def nobody(_):
    raise KeyError

pwd.getpwuid = nobody
sys.argv[0] = "ecr-emulator"
runpy.run_module("ecr_emulator", run_name="__main__")
"""


@pytest.fixture(scope="module")
def start():
    """Return a function that runs a command which is expected to fail, without root's right to open all files.

    One process runs all of them, because the start of a process takes most of the time.
    """
    ordinary = ORDINARY if os.getuid() == 0 and shutil.which("setpriv") else []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*ordinary, sys.executable, "-c", COMMANDS], cwd="/", env=environment(), **pipes) as process:

        def run(*arguments, command="serve"):
            process.stdin.write(f"{json.dumps([command, '--port', '0', *arguments])}\n")
            process.stdin.flush()
            return subprocess.CompletedProcess(arguments, **json.loads(process.stdout.readline()))

        yield run
        process.kill()


def refusal(answer):
    assert answer.returncode == 2, answer.stderr
    assert "Traceback" not in answer.stderr
    (sentence,) = answer.stderr.strip().splitlines()
    return sentence


def closed(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o500)
    return folder


@pytest.mark.parametrize("below", ["state", "", "deep/state"])
def test_a_directory_that_may_not_be_written_is_refused_with_advice(start, tmp_path, below):
    folder = closed(tmp_path / "theirs") / below
    sentence = refusal(start("--data-dir", str(folder)))
    assert f"The data directory {folder} cannot be used: " in sentence
    assert f"Permission denied. The emulator runs as uid {os.getuid()}, which must be able to" in sentence
    assert "--data-dir" in sentence


def test_a_directory_below_one_that_may_not_be_entered_is_refused_with_advice(start, tmp_path):
    folder = tmp_path / "secret"
    (folder / "state").mkdir(parents=True)
    folder.chmod(0o000)
    sentence = refusal(start("--data-dir", str(folder / "state")))
    folder.chmod(0o700)
    assert "Permission denied. The emulator runs as uid" in sentence


@pytest.mark.parametrize("name", ["ecr.sqlite", "owner.sqlite", "blobs", "ingest"])
def test_state_that_may_not_be_written_is_refused_with_its_name(start, tmp_path, name):
    use(tmp_path / "state")
    (tmp_path / "state" / name).chmod(0o400)
    sentence = refusal(start("--data-dir", str(tmp_path / "state")))
    assert f"{tmp_path / 'state' / name}: Permission denied. The emulator runs as uid" in sentence


@pytest.mark.parametrize("below", ["state", ""])
def test_a_data_directory_that_is_a_file_is_refused(start, tmp_path, below):
    (tmp_path / "file").write_text("x")
    folder = tmp_path / "file" / below
    assert f"The data directory {folder} cannot be used: it is not a directory" in refusal(
        start("--data-dir", str(folder))
    )


@pytest.mark.parametrize("name", ["blobs", "ingest", "companions"])
def test_a_file_where_a_folder_ought_to_be_is_refused_with_its_name(start, tmp_path, name):
    (tmp_path / name).write_text("x")
    sentence = refusal(start("--data-dir", str(tmp_path)))
    assert f"The data directory {tmp_path} cannot be used: {tmp_path / name} is not a directory" in sentence


@pytest.mark.parametrize("name", ["ecr.sqlite", "owner.sqlite"])
def test_a_folder_where_a_file_ought_to_be_is_refused_with_its_name(start, tmp_path, name):
    (tmp_path / name).mkdir()
    sentence = refusal(start("--data-dir", str(tmp_path)))
    assert f"{tmp_path / name} is a directory and must be a file" in sentence


def test_a_folder_for_certificates_that_may_not_be_written_is_refused_with_advice(start, tmp_path):
    folder = closed(tmp_path / "theirs") / "tls"
    sentence = refusal(start("--tls", "--tls-dir", str(folder)))
    assert sentence.endswith(f"{folder}: Permission denied. Name another directory with --tls-dir")


def test_commands_work_for_a_user_without_a_name_and_a_home():
    nowhere = {name: text for name, text in environment().items() if name != "HOME"}
    command = [sys.executable, "-c", NAMELESS]
    shown = subprocess.run([*command, "settings"], env=nowhere, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    trust = subprocess.run([*command, "trust"], env=nowhere, capture_output=True, text=True, check=False)
    assert refusal(trust).endswith("set HOME, or name a directory with --tls-dir")


@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_an_offline_garbage_collection_is_refused_with_the_same_message(start, tmp_path, mode):
    folder = tmp_path / "theirs"
    use(folder)
    folder.chmod(mode)
    sentence = refusal(start("--data-dir", str(folder), command="gc"))
    folder.chmod(0o700)
    assert f"{folder}: Permission denied. The emulator runs as uid" in sentence
