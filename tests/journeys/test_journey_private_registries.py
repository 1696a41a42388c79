"""Registries of one emulator that are upstreams of each other, in front of a real upstream; skopeo pulls."""

import json
from base64 import b64decode

import pytest

from tests.support.boto import client_at
from tests.support.clients import Skopeo
from tests.support.docker_hub import publish
from tests.support.layouts import Layout, multi_architecture_image
from tests.support.programs import HUB_TOKEN, HUB_USER

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ACCOUNT = "123456789012"
THERE = "eu-central-1"
HERE = "us-east-1"


@pytest.fixture
def skopeo(tmp_path):
    folder = tmp_path / "skopeo"
    folder.mkdir()
    return Skopeo(folder)


@pytest.fixture
def image(tmp_path, distribution):
    layout = multi_architecture_image(tmp_path / "image", seed=1)
    publish(distribution, layout)
    return layout


def test_an_image_comes_from_docker_hub_by_way_of_another_region(distribution, served, skopeo, image, tmp_path):
    there, here = (client_at(served.url, account=ACCOUNT, region=region) for region in (THERE, HERE))
    secrets = client_at(served.url, "secretsmanager", account=ACCOUNT, region=THERE)
    secret = json.dumps({"username": HUB_USER, "accessToken": HUB_TOKEN})
    arn = secrets.create_secret(Name="ecr-pullthroughcache/docker-hub", SecretString=secret)["ARN"]
    there.create_pull_through_cache_rule(
        ecrRepositoryPrefix="docker-hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=arn
    )
    here.create_pull_through_cache_rule(
        ecrRepositoryPrefix="eu", upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.{THERE}.amazonaws.com"
    )

    pulled = pull(skopeo, served, here, tmp_path / "cold")
    assert (pulled.blobs(), pulled.top()) == (image.blobs(), image.top())
    fetched = [path for method, path in distribution.requests() if method == "GET"]
    assert len(fetched) == len(set(fetched)) == len(image.blobs()), "everything is fetched once for both Regions"
    for registry, name in ((here, "eu/docker-hub/library/app"), (there, "docker-hub/library/app")):
        assert len(registry.describe_images(repositoryName=name)["imageDetails"]) == 3

    distribution.stop()
    served.advance("25h")
    there.delete_repository(repositoryName="docker-hub/library/app", force=True)
    stale = pull(skopeo, served, here, tmp_path / "stale")
    assert (stale.blobs(), stale.top()) == (image.blobs(), image.top())


def pull(skopeo, served, ecr, folder):
    """Pull with the path-style address of the registry, which names its account and Region."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    skopeo.login(served.host, b64decode(token).decode().removeprefix("AWS:"))
    layout = Layout(folder)
    skopeo.pull_into(layout, f"{served.host}/{ACCOUNT}/{HERE}/eu/docker-hub/library/app:1.0", "--all")
    return layout
