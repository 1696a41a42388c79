"""A running emulator to which commands send requests. Failures are reported to the user."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from ecr_emulator.cli.aws_environment import emulator_meant, registry_meant
from ecr_emulator.cli.http_client import Refused, lines, reason, request
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.settings import Loaded

if TYPE_CHECKING:
    from ecr_emulator.seeds.client import EmulatorClient

REGISTRY = {
    "account": "Account of the registry.  [default: the emulator's --account]",
    "region": "Region of the registry.  [default: the emulator's --region]",
}
UPSTREAM_TIMEOUT = 600.0
"""Seconds for answers that wait for upstreams."""


class RunningEmulator:
    """The emulator that the user names. ``registry`` holds the account and the Region, each only if it is named."""

    def __init__(self, loaded: Loaded) -> None:
        self._address = emulator_meant(loaded)
        self.registry = registry_meant(loaded, self._address)
        self.flags = {name: value for name, value in self.registry.items() if loaded.is_flag(name)}

    def get(self, path: str) -> Any:
        """Return the answer to a GET about the user's registry."""
        query = f"?{urlencode(self.registry)}" if self.registry else ""
        with self._reporting_failures():
            return request(self._address, "GET", path + query)

    def post(self, path: str, **body: str) -> Any:
        """Return the answer to a POST about the user's registry."""
        return self.send(path, self.registry | body)

    def send(self, path: str, body: Mapping[str, str]) -> Any:
        """Return the answer to a POST."""
        with self._reporting_failures():
            return request(self._address, "POST", path, json.dumps(body), UPSTREAM_TIMEOUT)

    def follow(self, path: str, **body: str) -> Iterator[Any]:
        """Yield the lines of the answer to a POST as they arrive."""
        with self._reporting_failures():
            yield from lines(self._address, path, json.dumps(self.registry | body), UPSTREAM_TIMEOUT)

    @contextmanager
    def client(self) -> Iterator[EmulatorClient]:
        """Yield a client for AWS calls and pushes, whose failures are reported."""
        from ecr_emulator.http_transport import HttpTransport
        from ecr_emulator.seeds.client import CallRefused, EmulatorClient

        try:
            with self._reporting_failures():
                yield EmulatorClient(HttpTransport(self._address.url, UPSTREAM_TIMEOUT), self._address.token)
        except CallRefused as refused:
            raise click.ClickException(str(refused)) from None

    @contextmanager
    def _reporting_failures(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            raise click.ClickException(str(refused)) from None
        except OSError as failure:
            raise click.ClickException(f"No emulator {self._address.words}: {reason(failure)}") from None


def asks_a_running_emulator(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name an emulator and a registry to a command, and pass it the emulator first."""

    @with_settings("host", "port", "admin_token", "account", "region", meaning=ADDRESS | REGISTRY)
    @wraps(command)
    def run(loaded: Loaded, **given: Any) -> None:
        command(RunningEmulator(loaded), **given)

    return run
