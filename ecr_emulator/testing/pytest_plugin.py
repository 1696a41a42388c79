"""The pytest plugin: fixtures of an emulator. It imports nothing but pytest until a test asks for one of them.

docs/python.md shows how to use them. No fixture is used automatically.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ecr_emulator.testing.arguments import EmulatorSettings
    from ecr_emulator.testing.clock import EmulatorClock
    from ecr_emulator.testing.embedded import EcrEmulator
    from ecr_emulator.testing.events import EventLog
    from ecr_emulator.testing.faults import EcrFaults
    from ecr_emulator.testing.registry import EcrRegistry
    from ecr_emulator.testing.running import RunningClock, RunningEcrEmulator
    from ecr_emulator.testing.upstream.mapped import MappedUpstream

    AnyEmulator = EcrEmulator | RunningEcrEmulator

URL_OPTION = "--ecr-emulator-url"
ADMIN_TOKEN_VARIABLE = "ECR_EMULATOR_ADMIN_TOKEN"  # noqa: S105 - a name


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a running emulator."""
    group = parser.getgroup("ecr-emulator")
    group.addoption(
        URL_OPTION,
        metavar="URL",
        help="Use the emulator that runs at this address, in an account of its own, instead of one in this process.",
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line about a running emulator."""
    url = config.getoption(URL_OPTION)
    return f"ecr-emulator: {url}" if url else None


@pytest.fixture(scope="session")
def ecr_emulator_settings() -> EmulatorSettings:
    """Return the settings of the emulator in this process. Override it to have others."""
    return {}


@pytest.fixture(scope="session")
def ecr_emulator(pytestconfig: pytest.Config, ecr_emulator_settings: EmulatorSettings) -> Iterator[AnyEmulator]:
    """Yield the emulator of this test session, with the state that tests have left."""
    url = pytestconfig.getoption(URL_OPTION)
    if url:
        from ecr_emulator.testing.running import RunningEcrEmulator

        with RunningEcrEmulator(url, admin_token=os.environ.get(ADMIN_TOKEN_VARIABLE)) as running:
            yield running
        return
    from ecr_emulator.testing.embedded import EcrEmulator

    with EcrEmulator(**ecr_emulator_settings) as embedded:
        yield embedded


@pytest.fixture
def ecr_state(ecr_emulator: AnyEmulator) -> None:
    """Empty the emulator before a test. Override it to begin with another state; the fixtures below use it."""
    ecr_emulator.reset()


@pytest.fixture
def ecr(ecr_emulator: AnyEmulator, ecr_state: None) -> Iterator[Any]:
    """Yield a boto3 client for ECR."""
    client = ecr_emulator.client("ecr")
    yield client
    client.close()


@pytest.fixture
def ecr_registry(ecr_emulator: AnyEmulator, ecr_state: None) -> EcrRegistry:
    """Return the registry: its address, user and password for docker and others."""
    return ecr_emulator.registry


@pytest.fixture
def ecr_clock(ecr_emulator: AnyEmulator, ecr_state: None) -> Iterator[EmulatorClock | RunningClock]:
    """Yield the emulator's clock, which shows the machine's time again after the test."""
    yield ecr_emulator.clock
    # Emptied before and after: the daily work of the years that lie between two times would take seconds.
    ecr_emulator.reset()
    ecr_emulator.clock.follow_machine()
    ecr_emulator.reset()


@pytest.fixture
def ecr_faults(ecr_emulator: AnyEmulator, ecr_state: None) -> Iterator[EcrFaults]:
    """Yield the faults of ECR and of upstreams, which end with the test."""
    yield ecr_emulator.faults
    ecr_emulator.faults.clear()


@pytest.fixture
def ecr_upstream(ecr_emulator: AnyEmulator, ecr_state: None) -> Iterator[Callable[[str], MappedUpstream]]:
    """Yield a function that returns the programmable upstream at a host; they stop at the end of the test."""
    yield ecr_emulator.upstream
    ecr_emulator.close_upstreams()


@pytest.fixture
def ecr_events(ecr_emulator: AnyEmulator, ecr_state: None) -> EventLog:
    """Return the events since the beginning of the test."""
    return ecr_emulator.events.from_now_on()


@pytest.fixture
def ecr_environment(ecr_emulator: AnyEmulator, ecr_state: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Point the ``AWS_…`` variables to the emulator during a test, and return them.

    boto3, the AWS CLI and other SDKs use the emulator then, also in programs that the test starts.
    """
    import boto3

    variables = {
        "AWS_ENDPOINT_URL": ecr_emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": ecr_emulator.account,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_REGION": ecr_emulator.region,
        "AWS_DEFAULT_REGION": ecr_emulator.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would remember the credentials
    return variables
