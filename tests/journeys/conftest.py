import pytest

from tests.support.programs import Distribution, Served


@pytest.fixture
def distribution(tmp_path):
    upstream = Distribution(tmp_path)
    upstream.start()
    yield upstream
    upstream.stop()


@pytest.fixture
def served(tmp_path, distribution):
    emulator = Served(
        tmp_path,
        "--data-dir",
        str(tmp_path / "state"),
        "--upstream-map",
        f"registry-1.docker.io={distribution.url}",
    )
    yield emulator
    assert emulator.stop() == 0
