"""The commands of ``ecr-emulator`` for the pull through cache, with a real upstream behind them."""

import pytest

from tests.support.clients import Skopeo, logged_in
from tests.support.docker_hub import CACHED, publish
from tests.support.layouts import Layout, multi_architecture_image
from tests.support.processes import run

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ACCOUNT = "123456789012"


@pytest.fixture
def images(distribution, tmp_path):
    """Return the first image of the hub, and the image that replaces it."""
    images = [multi_architecture_image(tmp_path / f"image-{number}", seed=number) for number in (1, 2)]
    publish(distribution, images[0])
    return images


@pytest.mark.usefixtures("cached")
def test_the_cache_is_prefetched_refreshed_and_inspected(distribution, served, images, tmp_path):
    old, new = images

    def type_in(*arguments, code=0):
        done = run(tmp_path, *arguments, "--port", str(served.port), "--account", ACCOUNT)
        assert done.returncode == code, done.stderr
        return done.stdout

    def pull(folder):
        layout = Layout(folder)
        with logged_in(Skopeo, served) as skopeo:
            skopeo.pull_into(layout, f"{served.host}/{CACHED}:1.0", "--all")
        return layout.top(), layout.blobs()

    type_in("pull", f"{CACHED}:nowhere", code=1)
    last = type_in("pull", f"{CACHED}:1.0").splitlines()[-1]
    assert last.startswith(f"{CACHED}:1.0 is cached: {old.top()}, 3 manifests, 6 blobs, 6.0 MB, ")
    asked = distribution.requests()
    assert pull(tmp_path / "warm") == (old.top(), old.blobs())
    assert type_in("pull", f"{CACHED}:1.0").endswith("all of it was cached\n")
    assert distribution.requests() == asked, "a cache that is warm asks nothing"

    publish(distribution, new)
    assert type_in("refresh", CACHED) == f"{CACHED}:1.0  updated from {old.top()} to {new.top()}\n"
    assert type_in("refresh", f"{CACHED}:1.0") == f"{CACHED}:1.0  unchanged: {new.top()}\n"
    _, healthy, *_ = type_in("rules").splitlines()
    assert healthy.split()[:4] == ["docker-hub", "registry-1.docker.io", f"({distribution.url})", "ok"]

    distribution.stop()
    failed = type_in("refresh", CACHED, code=1)
    assert "cannot be reached: Connection refused" in failed
    assert failed.endswith(f"; {new.top()} is served as before\n")
    _, failing, error = type_in("rules").splitlines()
    assert "failing for " in failing
    assert error.endswith("cannot be reached: Connection refused")
