"""``ecr-emulator snapshot save`` and ``load``."""

from ecr_emulator.testing.embedded import EcrEmulator
from tests.support.command_line import run_here
from tests.support.images import an_image, put_image


def test_the_state_goes_into_a_file_and_back(tmp_path):
    with EcrEmulator(admin_token="s3cret-of-ours") as emulator:
        to = {"AWS_ENDPOINT_URL": emulator.endpoint_url, "ECR_EMULATOR_ADMIN_TOKEN": "s3cret-of-ours"}
        ecr = emulator.client()
        ecr.create_repository(repositoryName="team/app")
        digest = put_image(ecr, "team/app", an_image("app"), "v1")
        saved = run_here(tmp_path, "snapshot", "save", "state.tar", **to)
        assert (saved.returncode, saved.stdout.startswith("state.tar: ")) == (0, True)
        assert (tmp_path / "state.tar").stat().st_mode & 0o777 == 0o600

        unwritten = run_here(tmp_path, "snapshot", "save", "nowhere/state.tar", **to)
        assert unwritten.returncode == 1
        assert "nowhere/state.tar cannot be written: No such file or directory" in unwritten.stderr

        ecr.delete_repository(repositoryName="team/app", force=True)
        assert run_here(tmp_path, "snapshot", "load", "state.tar", **to).stdout == "state.tar is loaded.\n"
        assert ecr.describe_images(repositoryName="team/app")["imageDetails"][0]["imageDigest"] == digest

        (tmp_path / "short.tar").write_bytes((tmp_path / "state.tar").read_bytes()[:5_000])
        refused = run_here(tmp_path, "snapshot", "load", "short.tar", **to)
        assert refused.returncode == 1
        assert "This file cannot be loaded; nothing has changed." in refused.stderr
        assert ecr.describe_images(repositoryName="team/app")["imageDetails"][0]["imageDigest"] == digest


def test_a_file_that_is_missing_is_told_before_anybody_is_asked(tmp_path):
    done = run_here(tmp_path, "snapshot", "load", "nowhere.tar", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (done.returncode, "nowhere.tar cannot be read: No such file" in done.stderr) == (1, True)
