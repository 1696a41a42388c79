"""Seeds with images that ``podman save`` wrote, in each of its formats."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ecr_emulator import EcrEmulator
from tests.support.clients import Podman
from tests.support.layouts import single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("form", "key"),
    [("docker-archive", "docker_archive"), ("oci-archive", "oci_layout"), ("oci-dir", "oci_layout")],
)
def test_an_image_that_podman_saved_is_seeded(tmp_path, form, key):
    image = single_image(tmp_path / "image", seed="saved", sizes=(30_000, 700))
    seed = tmp_path / "seed.toml"
    seed.write_text(f'[[repositories]]\nname = "team/app"\nimages = [{{ {key} = "saved", tags = ["1.0"] }}]\n')
    # podman refuses long paths.
    with TemporaryDirectory() as folder, EcrEmulator() as emulator:
        podman = Podman(Path(folder))
        podman.login(emulator.registry.address, emulator.registry.password)
        local = podman.fetch(f"oci:{image.folder}")
        podman.run("save", f"--format={form}", f"--output={tmp_path / 'saved'}", local)
        emulator.seed(seed)
        assert len(emulator.pull("team/app:1.0").blobs) == 3
        assert podman.pull(f"{emulator.registry.address}/team/app:1.0").diff_ids == image.diff_ids()
