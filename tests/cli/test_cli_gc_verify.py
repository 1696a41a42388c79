"""``ecr-emulator gc --verify`` for a running emulator and for the data directory of a stopped one."""

import os
import pty
import re
import subprocess

import pytest

from ecr_emulator.domain.names import Registry
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.embedded import EcrEmulator
from ecr_emulator.testing.upstream.images import image, layer
from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from tests.support.boto import client_of
from tests.support.command_line import run_here
from tests.support.damage import file_of, flipped
from tests.support.docker import Docker
from tests.support.images import put_image
from tests.support.processes import COMMAND, environment

ACCOUNT = "123456789012"
HOME = Registry(ACCOUNT, "us-east-1")
LAYER = layer("app", 5_000)
APP = image("app", LAYER)
SIZE = sum(blob.size for blob in APP.blobs)
NO_DAMAGE = re.compile(r"Removed 0 .*\nVerified 2 blobs with 5\.\d kB and 1 manifest: no damage\.\n")


@pytest.fixture
def emulator(tmp_path):
    """Start an emulator and push an image to it."""
    with EcrEmulator(data_dir=tmp_path / "state", account=ACCOUNT) as running:
        ecr = running.client()
        ecr.create_repository(repositoryName="team/app")
        put_image(ecr, "team/app", APP, "v1")
        yield running


def port_of(emulator):
    return emulator.endpoint_url.rpartition(":")[2]


@pytest.fixture
def upstream():
    with ScriptedUpstream() as registry:
        registry.add_image("team/app", APP, "v1")
        yield registry


@pytest.fixture
def state(tmp_path, upstream):
    """Return the data directory of a stopped emulator with a cached image that has a damaged layer."""
    settings = Settings(data_dir=tmp_path / "state", upstream_map={"quay.io": upstream.url}, account=ACCOUNT)
    with Emulator(settings) as emulator:
        ecr = client_of(emulator, "ecr", account=ACCOUNT)
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
        assert Docker(emulator, ACCOUNT).get("/v2/quay/team/app/manifests/v1").status_code == 200
        assert emulator.settle(20)
    flipped(file_of(tmp_path / "state", LAYER.digest))
    return tmp_path / "state"


def test_a_running_emulator_says_what_stays_broken_until_it_is_pushed_again(tmp_path, emulator):
    verify = ("gc", "--verify", "--port", port_of(emulator))
    assert NO_DAMAGE.fullmatch(run_here(tmp_path, *verify).stdout)
    flipped(file_of(tmp_path / "state", LAYER.digest))
    (tmp_path / "state" / "blobs" / "notes.txt").write_text("mine")
    broken = run_here(tmp_path, *verify)
    assert broken.returncode == 1
    _, damaged, left_over, summary = broken.stdout.splitlines()
    assert damaged == (f"damaged: blob {LAYER.digest} of {HOME.host}/team/app: no upstream has it; push it again")
    assert left_over == "left over: file blobs/notes.txt"
    assert summary.endswith(" and 1 manifest: 1 broken, 1 left over.")
    put_image(emulator.client(), "team/app", image("another", LAYER), "v2")
    healed = run_here(tmp_path, *verify)
    assert healed.returncode == 0
    assert healed.stdout.splitlines()[1:-1] == [left_over]


def test_a_data_directory_at_rest_is_repaired_from_its_upstream(tmp_path, state, upstream):
    verify = ("gc", "--verify", "--data-dir", str(state))
    offline = run_here(tmp_path, *verify, "--offline")
    assert offline.returncode == 1
    assert f"damaged: blob {LAYER.digest} of {HOME.host}/quay/team/app: " in offline.stdout
    assert "push it again" not in offline.stdout
    healed = run_here(tmp_path, *verify, "--upstream-map", f"quay.io={upstream.url}")
    assert healed.returncode == 0
    assert f"missing: blob {LAYER.digest} of {HOME.host}/quay/team/app: fetched again" in healed.stdout
    assert healed.stdout.endswith(" and 1 manifest: 1 healed.\n")
    assert NO_DAMAGE.fullmatch(run_here(tmp_path, *verify).stdout)


def test_without_verify_no_blob_is_read(tmp_path, state):
    collected = run_here(tmp_path, "gc", "--data-dir", str(state))
    assert (collected.returncode, len(collected.stdout.splitlines())) == (0, 1)


def on_a_terminal(tmp_path, *arguments):
    """Return the output on a terminal, and the exit code."""
    terminal, other_end = pty.openpty()
    command = [*COMMAND, *arguments]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(TERM="xterm"), stdout=other_end) as process:
        os.close(other_end)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
        os.close(terminal)
        return shown.decode(), process.wait(30)


def read(terminal):
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""  # the other end is closed


@pytest.mark.slow
def test_a_terminal_shows_a_bar_and_the_findings_on_lines_of_their_own(tmp_path, emulator):
    flipped(file_of(tmp_path / "state", LAYER.digest))
    shown, code = on_a_terminal(tmp_path, "gc", "--verify", "--port", port_of(emulator))
    assert code == 1
    assert "[####" in shown
    assert re.search(rf"(?:^|\n|\x1b\[2K)damaged: blob {LAYER.digest} of .*push it again\r\n", shown)
    assert "\x1b[2K" not in run_here(tmp_path, "gc", "--verify", "--port", port_of(emulator)).stdout
