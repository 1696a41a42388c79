"""The upstream or the emulator fails while a big layer is pulled for the first time; the upstream is behind nginx."""

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.clients import CommandFailed, Crane, Docker, logged_in
from tests.support.docker_hub import CACHED, create_rule, publish, serve_arguments
from tests.support.layouts import Layout
from tests.support.processes import serving
from tests.support.programs import until
from tests.support.slow_proxy import SlowProxy
from tests.support.unusual_images import MIB, noisy_layer

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

RATE = 64 * MIB
"""Bytes that the hub sends per second."""
OK, PARTIAL = 200, 206


@pytest.fixture
def folder(tmp_path):
    """Yield a folder that is deleted after the test."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def proxy(distribution, folder):
    """The hub as the emulator reaches it."""
    proxy = SlowProxy(folder, distribution.url, RATE)
    proxy.start()
    yield proxy
    proxy.stop()


def test_a_client_does_not_notice_that_the_upstream_is_killed_and_restarted(distribution, proxy, folder):
    image, layer = noisy_layer(folder / "image", size=512)
    publish(distribution, image)
    with serving(folder, *serve_arguments(folder, proxy.url)) as emulator, ready(emulator, Crane) as crane:
        with ThreadPoolExecutor() as background:
            pulled = background.submit(crane.pull, f"{emulator.host}/{CACHED}:1.0")
            until(lambda: has_come(folder) > 100 * MIB)
            proxy.kill()
            until(lambda: (folder / "log").read_text().count("broke off") > 1)
            proxy.start()
        assert pulled.result() == (image.top(), image.diff_ids())
        assert emulator.stop() == 0
    assert distribution.downloads(f"sha256:{layer.name}") == [OK, PARTIAL], "it went on where it had broken off"


def test_a_restarted_emulator_serves_the_retries_of_docker_and_of_the_user(distribution, proxy, folder):
    image, layer = noisy_layer(folder / "image", size=256)
    publish(distribution, image)
    arguments = serve_arguments(folder, proxy.url)
    with (
        serving(folder, *arguments) as emulator,
        ready(emulator, Docker) as docker,
        logged_in(Crane, emulator) as crane,
    ):
        reference = f"{emulator.host}/{CACHED}:1.0"
        with ThreadPoolExecutor() as background:
            by_docker = background.submit(docker.pull, reference)
            until(lambda: answered_blobs(folder) == 1)  # Docker asks for the configuration together with the layer
            half_pulled = Layout(folder / "half pulled")
            by_crane = background.submit(crane.pull_into, half_pulled, reference)
            until(lambda: size_of(half_pulled.folder) > MIB)
            emulator.stop(signal.SIGKILL)
            with serving(folder, *arguments, "--port", str(emulator.port)) as again:
                with pytest.raises(CommandFailed):
                    by_crane.result()
                expected = (image.top(), image.diff_ids())
                assert crane.pull(reference) == by_docker.result() == expected
                assert list(ingest(folder)) == []
                assert again.stop() == 0
    assert distribution.downloads(f"sha256:{layer.name}").count(OK) == 2, "once for each life of the emulator"


@contextmanager
def ready(emulator, kind):
    """Yield a client that is logged in to an emulator with the rule."""
    create_rule(emulator)
    with logged_in(kind, emulator) as client:
        yield client


def ingest(folder):
    """Return the files of an emulator's unfinished downloads."""
    return (folder / "state" / "ingest").iterdir()


def answered_blobs(folder):
    """Return how many requests for blobs the emulator has answered to their end."""
    return (folder / "log").read_text().count(f"method=GET path=/v2/{CACHED}/blobs/")


def has_come(folder):
    """Return the number of bytes of unfinished downloads."""
    return sum(file.stat().st_size for file in ingest(folder))


def size_of(folder):
    """Return the number of bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
