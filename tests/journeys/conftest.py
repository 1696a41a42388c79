import subprocess
from pathlib import Path

import pytest

from tests.support.chromium import chromium
from tests.support.clients import Aws, Skopeo
from tests.support.console_content import console_content
from tests.support.console_pages import Checks
from tests.support.docker_hub import CACHED, create_rule, serve_arguments
from tests.support.layouts import single_image
from tests.support.processes import serving
from tests.support.programs import Distribution, package, program

SCREENSHOTS = Path(__file__).parents[2] / ".ci" / "screenshots"
"""The folder of the screenshots of all pages, for people to look at."""


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


# --- The console in a browser ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    """Yield Debian's Chromium, driven by playwright."""
    package("playwright")
    with chromium(program("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """Yield an emulator with content for the console."""
    with console_content(tmp_path_factory.mktemp("console")) as emulator:
        yield emulator
        assert emulator.stop() == 0


@pytest.fixture(scope="session")
def checks(tmp_path_factory):
    """Return the checks that every page of the console passes, with axe-core from npm."""
    folder = tmp_path_factory.mktemp("axe")
    install = [program("npm"), "install", "--no-audit", "--no-fund", "--no-package-lock", "axe-core@4.11"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=300)
    return Checks((folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"), SCREENSHOTS)
