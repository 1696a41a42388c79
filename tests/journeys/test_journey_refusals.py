"""Clients show their users ECR's own sentences when the registry refuses a request."""

import pytest

from tests.support.clients import Buildah, CommandFailed, Crane, Docker, Regctl, Skopeo, logged_in
from tests.support.layouts import single_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

NO_IMAGE = "Requested image not found"
NO_REPOSITORY = "The repository with name 'no/such' does not exist in the registry with id '123456789012'"
IMMUTABLE = (
    "The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten "
    "because the tag is immutable."
)
EXPIRED = "Your authorization token has expired. Reauthenticate and try again."
TALKATIVE = [Docker, Buildah, Skopeo, Crane, Regctl]
"""containerd shows only the status; oras shows of a failed pull only that nothing was found."""


def said(act, *arguments):
    """Return the error output of a client."""
    with pytest.raises(CommandFailed) as refused:
        act(*arguments)
    return str(refused.value).replace('\\"', '"')


@pytest.mark.parametrize("kind", TALKATIVE, ids=lambda kind: kind.name)
def test_a_client_shows_the_reason_of_a_refusal(emulator, aws, repository, kind, tmp_path):
    first, second = (single_image(tmp_path / each, seed=each, sizes=(10,)) for each in ("first", "second"))
    with logged_in(kind, emulator) as client:
        assert NO_IMAGE in said(client.pull, f"{repository}:v2")
        assert NO_REPOSITORY in said(client.pull, f"{emulator.host}/no/such:v1")
        assert NO_REPOSITORY in said(client.push, first, f"{emulator.host}/no/such:v1")
        aws.run("ecr", "put-image-tag-mutability", "--repository-name=team/app", "--image-tag-mutability=IMMUTABLE")
        client.push(first, f"{repository}:v1")
        assert IMMUTABLE in said(client.push, second, f"{repository}:v1")
        emulator.advance("12h")
        assert EXPIRED in said(client.pull, f"{repository}:v1")


@pytest.mark.parametrize("kind", [Crane, Docker, Skopeo], ids=lambda kind: kind.name)
def test_the_reason_of_a_failed_pull_through_is_shown_as_a_sentence(served, cached, kind):
    with logged_in(kind, served) as client:
        words = said(client.pull, f"{cached}:no-such")
    assert NO_IMAGE in words
    assert "map[" not in words
    if kind is Crane:
        assert "has no library/app no-such" in words
