"""Real clients of an IAM user who may only pull; the AWS CLI creates the user as in docs/iam.md."""

import pytest

from tests.support.clients import CommandFailed, Crane, Docker, Oras, Podman, Skopeo, logged_in
from tests.support.layouts import single_image
from tests.support.processes import serving

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NAME = "team/app"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
DENIED = "is not authorized to perform: ecr:InitiateLayerUpload on resource"


@pytest.fixture
def emulator(tmp_path):
    with serving(tmp_path, "--port", "0", "--iam", "enforce", "--verify-signatures") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def ann(aws):
    """Return the AWS CLI with the key of a new user."""
    aws.run("iam", "create-user", "--user-name", "ann")
    aws.run("iam", "attach-user-policy", "--user-name", "ann", "--policy-arn", READ_ONLY)
    key = aws.json("iam", "create-access-key", "--user-name", "ann")["AccessKey"]
    return aws.signing_with(key["AccessKeyId"], key["SecretAccessKey"])


@pytest.mark.parametrize("kind", [Docker, Podman, Skopeo, Crane, Oras], ids=lambda kind: kind.name)
def test_a_client_may_pull_and_shows_why_it_may_not_push(emulator, ann, repository, kind, tmp_path):
    image = single_image(tmp_path / "image", seed=kind.name)
    with logged_in(kind, emulator) as root:
        root.push(image, f"{repository}:v1")
    with logged_in(kind, emulator, ann) as client:
        assert client.pull(f"{repository}:v1")[1] == image.diff_ids()
        another = single_image(tmp_path / "another", seed=f"{kind.name} again")
        with pytest.raises(CommandFailed, match=DENIED):
            client.push(another, f"{repository}:v2")


def test_the_aws_cli_prints_the_denial(ann):
    with pytest.raises(CommandFailed, match="user/ann is not authorized to perform: ecr:CreateRepository on resource"):
        ann.create_repository("team/other")
