"""One process owns a data directory."""

import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from ecr_emulator.storage.ownership import DataDirectoryInUse, Ownership

OWN = """
import sys
from pathlib import Path
from ecr_emulator.storage.ownership import Ownership
owned = Ownership(Path(sys.argv[1]))
print("owned", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path):
    """Start a second process that owns the directory."""
    command = [sys.executable, "-c", OWN, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "owned\n"
        yield process
        process.stdin.close()


def test_a_second_process_is_refused_with_the_reason(owner, tmp_path):
    with pytest.raises(DataDirectoryInUse) as refusal:
        Ownership(tmp_path)
    said = str(refusal.value)
    assert str(tmp_path) in said
    assert f"process {owner.pid}" in said
    assert "Stop that emulator" in said


def test_a_crash_releases_the_directory(owner, tmp_path):
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    Ownership(tmp_path).close()


def test_a_process_owns_a_directory_once(tmp_path):
    with closing(Ownership(tmp_path)) as owned:
        with pytest.raises(DataDirectoryInUse, match=f"process {os.getpid()}"):
            Ownership(tmp_path)
        owned.close()
        Ownership(tmp_path).close()


def test_an_unknown_owner_is_still_an_owner(owner, tmp_path):
    (tmp_path / "owner.pid").unlink()
    with pytest.raises(DataDirectoryInUse, match="by another process"):
        Ownership(tmp_path)
