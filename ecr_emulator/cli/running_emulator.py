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
from ecr_emulator.cli.http_client import TIMEOUT_SECONDS, Refused, event_data, lines, reason, request, version_of
from ecr_emulator.cli.options import ADDRESS, with_settings
from ecr_emulator.domain.names import Registry
from ecr_emulator.setting_sources import Loaded

if TYPE_CHECKING:
    from ecr_emulator.cli.registry_client import RegistryClient
    from ecr_emulator.seeds.client import EmulatorClient

REGISTRY = {
    "account": "Account of the registry.  [default: the emulator's --account]",
    "region": "Region of the registry.  [default: the emulator's --region]",
}
UPSTREAM_TIMEOUT = 600.0
"""Seconds for answers that wait for upstreams."""
KEEP_ALIVE_TIMEOUT = 60.0
"""Seconds without a line after which a stream is broken: the emulator sends a comment every 15 seconds."""


class RunningEmulator:
    """The emulator that the user names. ``registry`` holds the account and the Region, each only if it is named.

    Before the first request, it is asked whether it is an emulator: another program must not get the admin token, and
    its answers say nothing.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.address = emulator_meant(loaded)
        self._is_known = False
        self.registry = registry_meant(loaded, self.address)
        self.flags = {name: value for name, value in self.registry.items() if loaded.is_flag(name)}

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the answer to a GET, by default about the user's registry."""
        given = urlencode(self.registry if query is None else query)
        with self._reporting_failures():
            return request(self.address, "GET", f"{path}?{given}" if given else path)

    def post(self, path: str, **body: str) -> Any:
        """Return the answer to a POST about the user's registry."""
        return self.send(path, self.registry | body)

    def send(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a POST."""
        with self._reporting_failures():
            return request(self.address, "POST", path, json.dumps(body), UPSTREAM_TIMEOUT)

    def follow(self, path: str, **body: str) -> Iterator[Any]:
        """Yield the lines of the answer to a POST as they arrive."""
        with self._reporting_failures():
            yield from lines(self.address, path, json.dumps(self.registry | body), UPSTREAM_TIMEOUT)

    def stream(self, path: str) -> Iterator[tuple[str, Any]]:
        """Yield the type and the data of the server-sent events of an answer as they arrive."""
        with self._reporting_failures():
            yield from event_data(self.address, path, KEEP_ALIVE_TIMEOUT)

    @contextmanager
    def client(self, timeout: float = UPSTREAM_TIMEOUT) -> Iterator[EmulatorClient]:
        """Yield a client for AWS calls and pushes, whose failures are reported. ``timeout`` is in seconds."""
        from ecr_emulator.http_transport import HttpTransport
        from ecr_emulator.seeds.client import CallRefused, EmulatorClient

        try:
            with self._reporting_failures(timeout):
                yield EmulatorClient(HttpTransport(self.address.url, timeout), self.address.token)
        except CallRefused as refused:
            raise click.ClickException(str(refused)) from None

    @contextmanager
    def registry_client(
        self, named: Registry | None = None, timeout: float = UPSTREAM_TIMEOUT
    ) -> Iterator[RegistryClient]:
        """Yield a client for ECR in the user's registry, or in the one that a name has. Failures are reported."""
        from ecr_emulator.cli.registry_client import RegistryClient

        with self.client(timeout) as client:
            yield RegistryClient(client, named or self._registry(client))

    def listed(
        self, registry: Registry, ask: Callable[[RegistryClient], Iterator[dict[str, Any]]]
    ) -> Iterator[dict[str, Any]]:
        """Yield what a client of a registry lists, while its pages come.

        The failures of the client are reported, and not those of the code that takes what is listed.
        """
        with self.registry_client(registry) as client:
            yield from ask(client)

    def _registry(self, client: EmulatorClient) -> Registry:
        """Return the user's registry. The emulator is asked for what the user does not name."""
        if len(self.registry) == len(REGISTRY):
            return Registry(self.registry["account"], self.registry["region"])
        home = client.home()
        return Registry(self.registry.get("account", home.id), self.registry.get("region", home.region))

    @contextmanager
    def _reporting_failures(self, timeout: float = TIMEOUT_SECONDS) -> Iterator[None]:
        try:
            if not self._is_known:
                version_of(self.address, min(timeout, TIMEOUT_SECONDS))
                self._is_known = True
            yield
        except Refused as refused:
            raise click.ClickException(str(refused)) from None
        except OSError as failure:
            raise click.ClickException(f"No emulator {self.address.words}: {reason(failure)}") from None


def asks_a_running_emulator(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name an emulator and a registry to a command, and pass it the emulator first."""

    @with_settings("host", "port", "admin_token", "account", "region", meaning=ADDRESS | REGISTRY)
    @wraps(command)
    def run(loaded: Loaded, **given: Any) -> None:
        command(RunningEmulator(loaded), **given)

    return run
