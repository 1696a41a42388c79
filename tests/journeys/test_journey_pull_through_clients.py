"""The first pull of an image through a rule with a secret, by the clients that store images."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.clients import Aws, Containerd, Crane, Docker, Podman, Skopeo, logged_in
from tests.support.docker_hub import CACHED, publish
from tests.support.layouts import Layout, multi_architecture_image

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ARCHITECTURES = ("amd64", "arm64")
CROWD = 20


@pytest.fixture
def image(distribution, tmp_path):
    image = multi_architecture_image(tmp_path / "image", seed="through")
    publish(distribution, image)
    return image


@pytest.mark.parametrize("kind", [Docker, Containerd, Podman, Crane], ids=lambda kind: kind.name)
def test_a_client_pulls_cold_warm_by_digest_and_without_the_upstream(distribution, served, cached, image, kind):
    with logged_in(kind, served) as client:
        for reference in (":1.0", ":1.0", f"@{image.top()}"):
            for architecture in ARCHITECTURES:
                pull(client, f"{cached}{reference}", image, architecture)
        expect_fetched_once(distribution, image)

        distribution.stop()
        served.advance("25h")
        client.login(served.host, Aws(served).password())
        for architecture in ARCHITECTURES:
            pull(client, f"{cached}:1.0", image, architecture)
    assert {each["imageDigest"]: each.get("imageTags") for each in Aws(served).images(CACHED)} == {
        image.top(): ["1.0"],
        image.child("amd64"): None,
        image.child("arm64"): None,
    }


def test_a_crowd_of_clients_pulls_at_once_and_the_upstream_is_asked_once(distribution, served, cached, image, tmp_path):
    with logged_in(Crane, served) as crane, logged_in(Skopeo, served) as skopeo:

        def pull_all(number):
            layout = Layout(tmp_path / f"pulled-{number}")
            if number % 2:
                crane.pull_into(layout, f"{cached}:1.0")
            else:
                skopeo.pull_into(layout, f"{cached}:1.0", "--all")
            return layout.top(), layout.blobs()

        with ThreadPoolExecutor(CROWD) as crowd:
            assert list(crowd.map(pull_all, range(CROWD))) == [(image.top(), image.blobs())] * CROWD
    expect_fetched_once(distribution, image)


def pull(client, reference, image, architecture):
    """Pull one architecture, and compare it with the image of the hub."""
    child = image.child(architecture)
    pulled = client.pull(reference, f"--platform=linux/{architecture}")
    assert pulled.diff_ids == image.diff_ids(child)
    assert pulled.digest in (image.top(), child), "some remember the index, some the image in it"


def expect_fetched_once(distribution, image):
    """Check that the hub was asked once for each manifest and each blob."""
    fetched = Counter(path.rpartition("/")[2] for method, path in distribution.requests() if method == "GET")
    assert fetched == Counter((image.blobs() | {"1.0"}) - {image.top()})
