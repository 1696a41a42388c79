"""boto3 without a socket: real clients whose signed requests go straight to a WSGI callable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from ecr_emulator.control.model import target_prefix
from ecr_emulator.testing.aws_clients import SendInProcess, header_text
from ecr_emulator.transports import InProcess as Transport
from tests.support.error_coverage import record_error

ENDPOINT = "http://localhost:4566"
LOOPBACK = {"REMOTE_ADDR": "127.0.0.1"}
"""The client's address, which werkzeug's test client leaves out."""
SIGNING = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


class Keys(NamedTuple):
    """An access key, its secret and its session token."""

    access_key: str
    secret: str
    session_token: str | None = None


class Answering(Protocol):
    """An emulator, or a part of one, with a WSGI callable."""

    @property
    def wsgi(self) -> Any: ...


def client_of(
    emulator: Answering,
    service: str = "ecr",
    *,
    account: str = "test",
    region: str = "us-east-1",
    endpoint: str = ENDPOINT,
    parameter_validation: bool = True,
    keys: Keys | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Return a boto3 client of an emulator that never retries. Without ``keys``, the account is the access key.

    ``headers`` are added to each request.
    """
    first = _first_client(service, region, keys or Keys(account, "secret"), endpoint, parameter_validation)
    # A copy takes a hundredth of the time of a new client. Its handlers are those of the first one: add none to them.
    client = object.__new__(type(first))
    client.__dict__ = first.__dict__ | {"_endpoint": copy(first._endpoint)}
    send_in_process(client, emulator.wsgi, headers)
    return client


@lru_cache(maxsize=100)
def _first_client(service: str, region: str, keys: Keys, endpoint: str, parameter_validation: bool) -> Any:
    config = Config(parameter_validation=parameter_validation, retries={"total_max_attempts": 1})
    return _client(service, region, keys, endpoint, config=config)


def send_in_process(client: Any, wsgi: Any, headers: Mapping[str, str] | None = None) -> None:
    """Let the requests of a client be answered by an application in this process. ``headers`` are added to them."""
    client._endpoint.http_session = InProcess(wsgi, headers or {})


def client_at(url: str, service: str = "ecr", *, account: str = "test", region: str = "us-east-1") -> Any:
    """Return a boto3 client of a server, with the account as access key."""
    return _client(service, region, Keys(account, "secret"), url)


def _client(service: str, region: str, keys: Keys, url: str, **more: Any) -> Any:
    signing = dict(zip(SIGNING, keys, strict=True))
    return _session().client(service, region, endpoint_url=url, **signing, **more)


@cache
def _session() -> boto3.Session:
    """Return a session, which keeps service models: reading them is most of the cost of a client."""
    return boto3.Session()


class InProcess:
    """An application in the place of botocore's HTTP session. Records the errors of ECR."""

    def __init__(self, wsgi: Any, headers: Mapping[str, str]) -> None:
        self._send = SendInProcess(Transport(wsgi, lambda: ENDPOINT))
        self._headers = headers

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Return the answer to a request."""
        for name, value in self._headers.items():
            request.headers[name] = value
        answer = self._send(request)
        target = header_text(request.headers.get("X-Amz-Target", ""))
        if answer.status_code >= HTTPStatus.BAD_REQUEST and target.startswith(target_prefix()):
            record_error(target, json.loads(answer.content)["__type"])
        return answer

    def close(self) -> None:
        """Do nothing: there are no connections."""
