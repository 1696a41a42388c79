"""``ecr-emulator gc`` for a running emulator and for the data directory of a stopped one."""

from hashlib import sha256

import pytest

from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.boto import client_at
from tests.support.command_line import run_here
from tests.support.processes import serving


def loosen(ecr):
    """Upload a layer that no image refers to."""
    ecr.create_repository(repositoryName="app")
    upload = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    ecr.upload_layer_part(
        repositoryName="app", uploadId=upload, partFirstByte=0, partLastByte=4, layerPartBlob=b"loose"
    )
    digest = f"sha256:{sha256(b'loose').hexdigest()}"
    ecr.complete_layer_upload(repositoryName="app", uploadId=upload, layerDigests=[digest])


def test_a_running_emulator_collects_what_is_older_than_the_grace(tmp_path):
    with EcrEmulator() as emulator:
        loosen(emulator.client())
        to = {"AWS_ENDPOINT_URL": emulator.endpoint_url}
        spared = run_here(tmp_path, "gc", **to)
        assert spared.stdout == "Removed 0 uploads and 0 layers; 0 blobs with 0 bytes are gone.\n"
        gone = run_here(tmp_path, "gc", "--grace", "0s", **to)
        assert gone.stdout == "Removed 0 uploads and 1 layers; 1 blobs with 5 bytes are gone.\n"


def test_a_data_directory_is_collected_at_rest_and_never_under_a_running_emulator(tmp_path):
    with serving(tmp_path, "--port", "0", "--data-dir", "state") as emulator:
        loosen(client_at(emulator.url))
        refused = run_here(tmp_path, "gc", "--data-dir", "state", "--grace", "0s")
        assert refused.returncode == 2
        assert f"in use by process {emulator.process.pid}" in refused.stderr
        assert emulator.stop() == 0
    gone = run_here(tmp_path, "gc", "--data-dir", "state", "--grace", "0s")
    assert gone.stdout == "Removed 0 uploads and 1 layers; 1 blobs with 5 bytes are gone.\n"


def test_what_cannot_be_done_is_said(tmp_path):
    nobody = run_here(tmp_path, "gc", "--port", "1")
    assert nobody.returncode == 1
    assert "No emulator on port 1" in nobody.stderr
    assert "--data-dir" in nobody.stderr
    nothing = run_here(tmp_path, "gc", "--data-dir", "no-such")
    assert "There is no data directory no-such" in nothing.stderr
    assert not (tmp_path / "no-such").exists()
    wrong = run_here(tmp_path, "gc", "--grace", "soon")
    assert wrong.returncode == 2
    assert "--grace" in wrong.stderr


def lost(path):
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [lost, emptied])
@pytest.mark.parametrize("verify", [(), ("--verify",)], ids=["gc", "verify"])
def test_a_data_directory_without_its_database_keeps_all_blobs(tmp_path, damage, verify):
    with EcrEmulator(data_dir=tmp_path / "state") as emulator:
        loosen(emulator.client())
    damage(tmp_path / "state" / "ecr.sqlite")
    (blob,) = (tmp_path / "state" / "blobs").glob("*/*/*")
    refused = run_here(tmp_path, "gc", "--data-dir", "state", "--grace", "0s", *verify)
    assert refused.returncode == 1
    assert "which of the other files are needed" in refused.stderr
    assert blob.read_bytes() == b"loose"
