"""An emulator as tests reach it, in this process or elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3

    from ecr_emulator.testing.aws_clients import EmulatorSession


class EcrEndpoint(ABC):
    """Clients of one emulator. Calls that name no account and no Region use ``account`` and ``region``."""

    account: str
    region: str

    def __init__(self) -> None:
        self._clients: EmulatorSession | None = None

    @property
    @abstractmethod
    def endpoint_url(self) -> str:
        """The address of the emulator, like ``http://127.0.0.1:49152``."""

    @abstractmethod
    def _session(self, account: str, region: str) -> EmulatorSession:
        """Return a new boto3 session."""

    def session(self, region_name: str | None = None, account: str | None = None) -> boto3.Session:
        """Return a boto3 session whose clients and resources call the emulator."""
        return self._session(account or self.account, region_name or self.region)

    def client(
        self, service_name: str = "ecr", region_name: str | None = None, account: str | None = None, **options: Any
    ) -> Any:
        """Return a boto3 client for ECR or another service. ``options`` are those of ``boto3.client``."""
        if self._clients is None:  # one session reads the models of services once
            self._clients = self._session(self.account, self.region)
        if account:
            from ecr_emulator.testing.aws_clients import SECRET_KEY

            options = {"aws_access_key_id": account, "aws_secret_access_key": SECRET_KEY} | options
        return self._clients.client(service_name, region_name, **options)
