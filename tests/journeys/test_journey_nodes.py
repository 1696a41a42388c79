"""Real clients use two nodes, which take turns with their requests behind an nginx (docs/scaling.md)."""

from __future__ import annotations

import signal

import pytest

from tests.support.boto import client_at
from tests.support.clients import Crane, Docker, LayoutClient, Oras, Podman, Regctl, Skopeo, logged_in
from tests.support.docker_hub import CACHED, HUB, create_rule, publish
from tests.support.layouts import Layout, multi_architecture_image, single_image
from tests.support.nodes import ACCOUNT, balanced, node_processes
from tests.support.programs import Distribution

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    upstream = Distribution(tmp_path_factory.mktemp("distribution"))
    upstream.start()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module", params=["folder", "S3"])
def start(request, postgres, distribution, tmp_path_factory):
    """Return a function that starts a node, for which distribution is Docker Hub."""
    blobs = request.getfixturevalue("s3_gateway").new_url() if request.param == "S3" else None
    with postgres.databases() as lend:
        options = "--upstream-map", f"{HUB}={distribution.url}"
        with node_processes(lend(), tmp_path_factory.mktemp("nodes"), *options, blobs=blobs) as processes:
            yield processes.start


@pytest.fixture(scope="module")
def first(start):
    return start()


@pytest.fixture(scope="module")
def endpoint(start, first, tmp_path_factory):
    """Yield the load balancer before two nodes."""
    with balanced(tmp_path_factory.mktemp("balancer"), [first, start()]) as endpoint:
        yield endpoint


def create_repository(endpoint, name):
    client_at(endpoint.url, account=ACCOUNT).create_repository(repositoryName=name)
    return f"{endpoint.host}/{name}"


@pytest.mark.parametrize("kind", [Docker, Podman, Crane, Skopeo, Regctl, Oras], ids=lambda kind: kind.name)
def test_an_image_is_pushed_and_pulled_through_two_nodes(endpoint, tmp_path, kind):
    image = single_image(tmp_path / "image", seed=kind.name, sizes=(12_000_000, 10, 300_000))
    repository = create_repository(endpoint, f"team/{kind.name}")
    with logged_in(kind, endpoint) as client:
        client.push(image, f"{repository}:v1")
        if isinstance(client, LayoutClient):
            pulled = Layout(tmp_path / "pulled")
            client.pull_into(pulled, f"{repository}:v1")
            assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())
        else:
            assert client.pull(f"{repository}:v1").diff_ids == image.diff_ids()


def test_an_image_is_pulled_through_two_nodes_and_fetched_once(endpoint, distribution, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed="nodes")
    publish(distribution, image)
    create_rule(endpoint)
    pulled = Layout(tmp_path / "pulled")
    before = len(distribution.requests())
    with logged_in(Skopeo, endpoint) as skopeo:
        skopeo.pull_into(pulled, f"{endpoint.host}/{CACHED}:1.0", "--all")
    assert (pulled.top(), pulled.blobs()) == (image.top(), image.blobs())
    fetched = [path for method, path in distribution.requests()[before:] if method == "GET"]
    assert len(fetched) == len(set(fetched)) == len(image.blobs())


def test_clients_go_on_when_a_node_is_killed(start, first, tmp_path):
    images = [single_image(tmp_path / tag, seed=tag) for tag in ("v1", "v2")]
    killed = start()
    with balanced(tmp_path, [killed, first]) as endpoint, logged_in(Crane, endpoint) as crane:
        repository = create_repository(endpoint, "team/killed")
        crane.push(images[0], f"{repository}:v1")
        killed.stop(signal.SIGKILL)
        crane.push(images[1], f"{repository}:v2")
        for image, tag in zip(images, ("v1", "v2"), strict=True):
            pulled = Layout(tmp_path / f"pulled-{tag}")
            crane.pull_into(pulled, f"{repository}:{tag}")
            assert pulled.blobs() == image.blobs()
