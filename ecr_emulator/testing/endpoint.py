"""An emulator as tests reach it, in this process or elsewhere."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ecr_emulator.testing.events import EventLog

if TYPE_CHECKING:
    import boto3

    from ecr_emulator.testing.aws_clients import EmulatorSession
    from ecr_emulator.testing.registry import EcrRegistry
    from ecr_emulator.testing.transports import Transport


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

    @abstractmethod
    def _session(self, account: str, region: str) -> EmulatorSession:
        """Return a new boto3 session."""

    @cached_property
    def _clients(self) -> EmulatorSession:
        """The session of all clients: it reads the models of services once."""
        return self._session(self.account, self.region)

    def session(self, region_name: str | None = None, account: str | None = None) -> boto3.Session:
        """Return a boto3 session whose clients and resources call the emulator."""
        return self._session(account or self.account, region_name or self.region)

    def client(
        self, service_name: str = "ecr", region_name: str | None = None, account: str | None = None, **options: Any
    ) -> Any:
        """Return a boto3 client for ECR or another service. ``options`` are those of ``boto3.client``."""
        if account:
            from ecr_emulator.testing.aws_clients import SECRET_KEY

            options = {"aws_access_key_id": account, "aws_secret_access_key": SECRET_KEY} | options
        return self._clients.client(service_name, region_name, **options)

    @property
    def registry(self) -> EcrRegistry:
        """The registry of ``account`` in ``region``: its address, user and password for docker and others."""
        return self.registry_of()

    def registry_of(self, account: str | None = None, region: str | None = None) -> EcrRegistry:
        """Return the registry of another account, or in another Region."""
        from ecr_emulator.testing.registry import EcrRegistry

        return EcrRegistry(self, account or self.account, region or self.region)

    @property
    def events(self) -> EventLog:
        """The events that ECR would have sent to EventBridge, oldest first. The newest 10,000 are kept."""
        return EventLog(lambda path: self._ask("GET", path), account=self._account_of_events)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send JSON to one of the emulator's own endpoints and return its answer. Raises ``ValueError``."""
        headers = {"Authorization": f"Bearer {self._admin_token}"} if self._admin_token else {}
        raw = b"" if body is None else json.dumps(body).encode()
        if raw:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        answer = self._transport.send(method, path, headers, BytesIO(raw) if raw else None)
        document = json.loads(answer.read())
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ValueError(document["error"])
        return document
