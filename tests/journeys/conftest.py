import pytest

from tests.support.clients import Aws, Skopeo
from tests.support.docker_hub import CACHED, create_rule, serve_arguments
from tests.support.layouts import single_image
from tests.support.processes import serving
from tests.support.programs import Distribution


@pytest.fixture
def distribution(tmp_path):
    upstream = Distribution(tmp_path)
    upstream.start()
    yield upstream
    upstream.stop()


@pytest.fixture
def emulator(tmp_path):
    with serving(tmp_path, "--port", "0") as running:
        yield running
        assert running.stop() == 0


@pytest.fixture
def aws(emulator):
    """Yield the AWS CLI, after it has created the empty repository ``team/app``."""
    aws = Aws(emulator)
    aws.create_repository("team/app")
    return aws


@pytest.fixture
def repository(emulator, aws):
    """Return the name by which clients address that repository."""
    return f"{emulator.host}/team/app"


@pytest.fixture
def served(tmp_path, distribution):
    """Yield an emulator with a data directory, which uses distribution as Docker Hub."""
    with serving(tmp_path, *serve_arguments(tmp_path, distribution.url)) as emulator:
        yield emulator
        if emulator.process.poll() is None:
            assert emulator.stop() == 0


@pytest.fixture
def home_with_archive(tmp_path):
    """Return a folder whose ``home`` holds the archive ``my-app.tar`` of an image, ``my-app``."""
    home = tmp_path / "machine" / "home"
    home.mkdir(parents=True)
    image = single_image(tmp_path / "my-app", seed="my-app")
    Skopeo(tmp_path).archive(image, "my-app:latest").rename(home / "my-app.tar")
    return home.parent


@pytest.fixture
def cached(served):
    """Create a rule, and return the name by which clients address the cached ``library/app`` of distribution."""
    create_rule(served)
    return f"{served.host}/{CACHED}"
