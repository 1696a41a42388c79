"""``aws ecr get-login-password`` with every client that people use: log in, push, pull."""

import pytest

from tests.support.clients import (
    Buildah,
    Containerd,
    Crane,
    Docker,
    LayoutClient,
    Oras,
    Podman,
    Regctl,
    Skopeo,
    logged_in,
)
from tests.support.layouts import single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"


CLIENTS = [Docker, Containerd, Podman, Buildah, Skopeo, Crane, Regctl, Oras]


@pytest.mark.parametrize("kind", CLIENTS, ids=lambda kind: kind.name)
def test_a_client_logs_in_pushes_and_pulls_what_it_pushed(emulator, aws, repository, kind, tmp_path):
    with logged_in(kind, emulator) as client:
        client.login(emulator.host, aws.password())
        image = single_image(tmp_path / "image", seed=client.name)
        client.push(image, f"{repository}:v1")
        (pushed,) = aws.images(NAME)
        assert pushed["imageTags"] == ["v1"]
        for reference in (":v1", f"@{pushed['imageDigest']}"):
            pulled = client.pull(f"{repository}{reference}")
            assert pulled == (pushed["imageDigest"], image.diff_ids())
        if isinstance(client, (LayoutClient, Containerd)):
            assert pushed["imageDigest"] == image.top(), "these do not change what they push"
