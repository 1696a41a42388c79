"""Init scripts: order, states, failures, and what the emulator answers about them."""

import logging
import os
from contextlib import contextmanager

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.init_scripts import InitScriptMissing
from tests.support.admin_api import AdminClient
from tests.support.programs import until


@pytest.fixture
def emulator():
    with Emulator() as running:
        yield running


@pytest.fixture
def http(emulator):
    return AdminClient(emulator.wsgi)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ready.d"
    folder.mkdir()
    return folder


def write(folder, name, text, mode=0o755):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@contextmanager
def running(emulator, *paths, **variables):
    emulator.init_scripts.find(*paths)
    with emulator.init_scripts.running(os.environ | variables, lambda: None):
        yield


def run_all(emulator, *paths, **variables):
    with running(emulator, *paths, **variables):
        until(lambda: emulator.init_scripts.completed)


def states(emulator):
    return {script.path.name: script.state for script in emulator.init_scripts.scripts}


def test_scripts_run_one_after_the_other_by_name_and_folders_after_files(emulator, folder, tmp_path):
    for name in ("b/1.sh", "20.sh", "10.sh", "a/1.sh", ".hidden.sh", "..data/10.sh"):
        write(folder, name, f'#!/bin/sh\necho {name} >>"$SEEN"\n')
    write(folder, "15.py", "import os\nopen(os.environ['SEEN'], 'a').write('15.py\\n')\n", mode=0o644)
    alone = write(tmp_path, "alone.sh", '#!/bin/sh\necho alone >>"$SEEN"\n')
    run_all(emulator, folder, alone, SEEN=str(tmp_path / "seen"))
    assert (tmp_path / "seen").read_text().split() == ["10.sh", "15.py", "20.sh", "a/1.sh", "b/1.sh", "alone"]


FAILURES = {
    "exit.sh": ("#!/bin/sh\nexit 3\n", 0o755, "its exit status is 3"),
    "killed.sh": ("#!/bin/sh\nkill -KILL $$\n", 0o755, "SIGKILL ended it"),
    "raises.py": ("raise ValueError('no')\n", 0o644, "its exit status is 1"),
    "plain.sh": ("#!/bin/sh\n", 0o644, "it is not executable: chmod +x "),
    "bare.sh": (
        "true\n",
        0o755,
        "its first line must name an interpreter that exists, like '#!/bin/sh', not 'true\\n'",
    ),
    "windows.sh": ("#!/bin/sh\r\ntrue\r\n", 0o755, "not '#!/bin/sh\\r\\n'"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_script_that_fails_is_reported_and_the_next_one_runs(emulator, http, folder, caplog, name):
    text, mode, reason = FAILURES[name]
    path = write(folder, name, text, mode)
    write(folder, "z.sh", "#!/bin/sh\n")
    run_all(emulator, folder)
    assert states(emulator) == {name: "ERROR", "z.sh": "SUCCESSFUL"}
    (error,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert error.startswith(f"init script {path} failed: ")
    assert reason in error
    assert error.endswith(". The emulator keeps running")
    assert http.get("/_ecr/ready").status_code == 200


def test_the_emulator_is_not_ready_before_the_scripts_have_run(emulator, http, folder, tmp_path):
    os.mkfifo(tmp_path / "gate")
    write(folder, "1.sh", "#!/bin/sh\n")
    write(folder, "2.sh", '#!/bin/sh\nread line <"$GATE"\n')
    write(folder, "3.sh", "#!/bin/sh\n")
    with running(emulator, folder, GATE=str(tmp_path / "gate")):
        until(lambda: states(emulator)["2.sh"] == "RUNNING")
        assert http.get("/_ecr/health").status_code == 200
        waiting = http.get("/_ecr/ready")
        assert (waiting.status_code, "GET /_localstack/init" in waiting.json["error"]) == (503, True)
        assert http.get("/_localstack/init").json == {
            "completed": {"BOOT": True, "START": True, "READY": False, "SHUTDOWN": False},
            "scripts": [
                {"stage": "READY", "name": "1.sh", "state": "SUCCESSFUL"},
                {"stage": "READY", "name": "2.sh", "state": "RUNNING"},
                {"stage": "READY", "name": "3.sh", "state": "UNKNOWN"},
            ],
        }
        (tmp_path / "gate").write_text("go\n")
        until(lambda: http.get("/_ecr/ready").status_code == 200)
    ready = http.get("/_localstack/init/ready").json
    assert (ready["completed"], [each["state"] for each in ready["scripts"]]) == (True, ["SUCCESSFUL"] * 3)


def test_without_scripts_the_emulator_is_ready_at_once(emulator, http, folder):
    run_all(emulator, folder)
    assert http.get("/_localstack/init/READY").json == {"completed": True, "scripts": []}
    assert http.get("/_localstack/init/boot").json == {"completed": True, "scripts": []}
    assert http.get("/_localstack/init/shutdown").json == {"completed": False, "scripts": []}


def test_an_unknown_stage_is_refused_with_the_stages_that_exist(http):
    answer = http.get("/_localstack/init/never")
    assert answer.status_code == 404
    assert answer.json["error"] == "There is no stage 'NEVER'; the stages are BOOT, START, READY, SHUTDOWN"


def test_a_running_script_ends_with_the_emulator_and_the_next_one_does_not_run(emulator, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("ecr_emulator.init_scripts.STOP_SECONDS", 0.1)
    write(folder, "1.sh", '#!/bin/sh\ntrap "" TERM\ntouch "$SEEN"\nsleep 600 & wait; sleep 600\n')
    write(folder, "2.sh", '#!/bin/sh\nrm "$SEEN"\n')
    with running(emulator, folder, SEEN=str(tmp_path / "seen")):
        until((tmp_path / "seen").exists)
    assert states(emulator) == {"1.sh": "ERROR", "2.sh": "UNKNOWN"}
    assert (tmp_path / "seen").exists()


def test_files_and_stages_that_do_not_run_are_named(emulator, folder, tmp_path, caplog):
    write(folder, "main.tf", "")
    write(tmp_path / "boot.d", "1.sh", "#!/bin/sh\n")
    run_all(emulator, folder)
    warnings = sorted(record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
    assert warnings == [
        f"{folder / 'main.tf'} is not run: init scripts have names like *.sh or *.py",
        f"the scripts in {tmp_path / 'boot.d'} are not run: the emulator has no such stage, only ready.d",
    ]


def test_a_path_without_scripts_is_refused(emulator, tmp_path):
    with pytest.raises(InitScriptMissing, match=f"no folder of init scripts {tmp_path / 'nowhere'}"):
        emulator.init_scripts.find(tmp_path / "nowhere")
