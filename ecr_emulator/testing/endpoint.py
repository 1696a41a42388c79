"""An emulator as tests reach it, in this process or elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_emulator.domain.names import is_account_id, is_region
from ecr_emulator.testing.events import EventLog

if TYPE_CHECKING:
    import boto3

    from ecr_emulator.domain.names import Registry
    from ecr_emulator.seeds.apply import Seeded
    from ecr_emulator.seeds.client import EmulatorClient
    from ecr_emulator.seeds.pulls import PulledImage
    from ecr_emulator.testing.aws_clients import EmulatorSession
    from ecr_emulator.testing.faults import EcrFaults, FaultSource
    from ecr_emulator.testing.pushes import PushedImage
    from ecr_emulator.testing.registry import EcrRegistry
    from ecr_emulator.testing.upstream.mapped import MappedUpstream, MappedUpstreams
    from ecr_emulator.testing.upstream_hosts import ChangeableHosts
    from ecr_emulator.transports import Transport


class EcrEndpoint(ABC):
    """Clients of one emulator. Calls that name no account and no Region use ``account`` and ``region``."""

    account: str
    region: str
    _admin_token: str | None
    _transport: Transport
    _account_of_events: str | None = None

    @property
    @abstractmethod
    def endpoint_url(self) -> str:
        """The address of the emulator, like ``http://127.0.0.1:49152``."""

    @property
    @abstractmethod
    def _fault_source(self) -> FaultSource:
        """The faults of ECR itself."""

    @property
    @abstractmethod
    def _upstream_hosts(self) -> ChangeableHosts:
        """The addresses and the faults of upstream hosts."""

    @abstractmethod
    def _session(self, account: str, region: str) -> EmulatorSession:
        """Return a new boto3 session."""

    @cached_property
    def _clients(self) -> EmulatorSession:
        """The session of all clients: it reads the models of services once."""
        return self._session(self.account, self.region)

    def session(self, region_name: str | None = None, account: str | None = None) -> boto3.Session:
        """Return a boto3 session whose clients and resources call the emulator. Raises ``ValueError``."""
        return self._session(checked_account(account or self.account), checked_region(region_name or self.region))

    def client(
        self, service_name: str = "ecr", region_name: str | None = None, account: str | None = None, **options: Any
    ) -> Any:
        """Return a boto3 client for ECR or another service. ``options`` are those of ``boto3.client``.

        Raises ``ValueError`` for an account or a Region that cannot exist.
        """
        if account:
            from ecr_emulator.testing.aws_clients import SECRET_KEY

            keys = {"aws_access_key_id": checked_account(account), "aws_secret_access_key": SECRET_KEY}
            options = keys | options
        return self._clients.client(service_name, region_name and checked_region(region_name), **options)

    def push_image(  # noqa: PLR0913 - named arguments that describe an image
        self,
        name: str,
        tag: str | None = "latest",
        *,
        platforms: Sequence[str] = ("linux/amd64",),
        layers: int = 1,
        size: int | str = 4096,
        referrers: Sequence[str] = (),
        account: str | None = None,
        region: str | None = None,
    ) -> PushedImage:
        """Push a synthetic image through the registry and create its repository if there is none.

        ``size`` is how many bytes the layers of one platform have together, as a number or like ``"50MB"``. With
        several platforms the image is an index. ``referrers`` are the artifact types of what refers to the image, like
        ``application/spdx+json``. Equal arguments make equal images. Without a tag the image is pushed by its digest.
        Raises ``ValueError`` for arguments that no image can have, and ``CallRefused``.
        """
        from ecr_emulator.seeds.images import synthetic_image
        from ecr_emulator.seeds.sizes import read_size
        from ecr_emulator.testing.pushes import push_image

        image = synthetic_image(f"{name}:{tag}", platforms, layers, read_size(size))
        return push_image(self._emulator_client, self._registry_named(account, region), (name, tag), image, referrers)

    def pull(self, reference: str, account: str | None = None, region: str | None = None) -> PulledImage:
        """Pull an image through the registry, every platform of it, and check all bytes against their digests.

        ``reference`` is written as for docker, with or without the address of the registry: ``team/app:1.0``. A host of
        real ECR in it names the account and the Region. Raises ``CallRefused``, ``DamagedImage`` and ``ValueError``.
        """
        from ecr_emulator.seeds.pulls import pull_image

        return pull_image(self._emulator_client, self._registry_named(account, region), reference)

    def seed(self, path: str | PathLike[str]) -> Seeded:
        """Apply a seed file, or all seeds of a folder (docs/seeds.md). Raises ``SeedError`` with line and key."""
        from ecr_emulator.seeds.apply import apply_seeds

        return apply_seeds(self._emulator_client, Path(path))

    def save_snapshot(self, path: str | PathLike[str]) -> None:
        """Write everything, in all accounts, to a file that other emulators can load (docs/snapshots.md).

        Secrets are in it in plain text; only its owner can read it. An older file is replaced when the new one is
        complete. Raises ``OSError`` if it cannot be written, and ``CallRefused``; then nothing is left of it.
        """
        from ecr_emulator.seeds.snapshot_files import save_snapshot

        save_snapshot(self._emulator_client, Path(path))

    def load_snapshot(self, path: str | PathLike[str]) -> None:
        """Replace everything, in all accounts, by the content of a file that an emulator saved.

        Raises ``OSError`` if it cannot be read, and ``CallRefused`` with the reason if it is damaged, too new or no
        snapshot; then nothing has changed.
        """
        from ecr_emulator.seeds.snapshot_files import load_snapshot

        load_snapshot(self._emulator_client, Path(path))

    @property
    def registry(self) -> EcrRegistry:
        """The registry of ``account`` in ``region``: its address, user and password for docker and others."""
        return self.registry_of()

    def registry_of(self, account: str | None = None, region: str | None = None) -> EcrRegistry:
        """Return the registry of another account, or in another Region."""
        from ecr_emulator.testing.registry import EcrRegistry

        named = self._registry_named(account, region)
        return EcrRegistry(self, named.id, named.region)

    @property
    def events(self) -> EventLog:
        """The events that ECR would have sent to EventBridge, oldest first: the newest ``event_log_size`` ones."""
        return EventLog(self._emulator_client.get, account=self._account_of_events)

    @cached_property
    def faults(self) -> EcrFaults:
        """Faults of ECR and of upstreams: throttling, server errors, latency, broken connections (docs/faults.md)."""
        from ecr_emulator.testing.faults import EcrFaults

        return EcrFaults(self._fault_source, self._upstream_hosts.faults)

    def upstream(self, host: str) -> MappedUpstream:
        """Return a programmable upstream that the emulator asks in place of a host, like ``registry-1.docker.io``.

        It behaves like the real one, on loopback, and serves until ``close_upstreams`` (docs/upstreams.md). Raises
        ``ValueError`` for a host that no rule can name, and ``ConnectionError`` if the emulator runs where it cannot
        reach this process.
        """
        return self._upstreams.at(host)

    def close_upstreams(self) -> None:
        """Stop all upstreams and ask the real hosts again."""
        if "_upstreams" in vars(self):  # made on first use, by imports that a suite without upstreams does not need
            vars(self).pop("_upstreams").close()

    @cached_property
    def _upstreams(self) -> MappedUpstreams:
        from ecr_emulator.testing.upstream.mapped import MappedUpstreams

        return MappedUpstreams(self._upstream_hosts, self.faults)

    @cached_property
    def _emulator_client(self) -> EmulatorClient:
        """The client of the emulator's own endpoints and of its registries."""
        from ecr_emulator.seeds.client import EmulatorClient

        return EmulatorClient(self._transport, self._admin_token)

    def _registry_named(self, account: str | None, region: str | None) -> Registry:
        from ecr_emulator.domain.names import Registry

        return Registry(checked_account(account or self.account), checked_region(region or self.region))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(account={self.account!r}, region={self.region!r})"


def checked_account(account: str) -> str:
    """Return an account. Raises ``ValueError`` if no account has this form."""
    if isinstance(account, str) and is_account_id(account):
        return account
    raise ValueError(f"an account is 12 digits, as text, not {account!r}")


def checked_region(region: str) -> str:
    """Return a Region. Raises ``ValueError`` if no Region has such a name."""
    if isinstance(region, str) and is_region(region):
        return region
    raise ValueError(f"a Region is like eu-west-1, not {region!r}")
