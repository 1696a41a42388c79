"""``aws ecr get-login-password`` with every client that people use: log in, push, pull."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.clients import Aws, Crane, Docker, Podman, Skopeo
from tests.support.layouts import single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"


@pytest.fixture(params=[Docker, Podman, Skopeo, Crane], ids=lambda client: client.name)
def client(request):
    with (
        TemporaryDirectory(prefix="ecr-") as folder,  # shorter than pytest's: the paths of sockets may not be long
        closing(request.param(Path(folder))) as client,
    ):
        yield client


def test_a_client_logs_in_pushes_and_pulls_what_it_pushed(emulator, client, tmp_path):
    aws = Aws(emulator)
    aws.run("ecr", "create-repository", "--repository-name", NAME)
    client.login(emulator.host, aws.password())
    image = single_image(tmp_path / "image", seed=client.name)
    client.push(image, f"{emulator.host}/{NAME}:v1")
    (pushed,) = aws.json("ecr", "describe-images", "--repository-name", NAME)["imageDetails"]
    assert pushed["imageTags"] == ["v1"]
    for reference in (":v1", f"@{pushed['imageDigest']}"):
        pulled = client.pull(f"{emulator.host}/{NAME}{reference}")
        assert pulled == (pushed["imageDigest"], image.diff_ids())
