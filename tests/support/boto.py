"""boto3 without a socket: real clients whose signed requests go straight to a WSGI callable."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from werkzeug.test import Client
from werkzeug.wrappers import Response

from ecr_emulator.control.model import target_prefix
from tests.support.error_coverage import record_error

ENDPOINT = "http://localhost:4566"
LOOPBACK = {"REMOTE_ADDR": "127.0.0.1"}
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
) -> Any:
    """Return a boto3 client of an emulator that never retries. Without ``keys``, the account is the access key."""
    config = Config(parameter_validation=parameter_validation, retries={"total_max_attempts": 1})
    client = _client(service, region, keys or Keys(account, "secret"), endpoint, config=config)
    client.meta.events.register("before-send", InProcess(emulator.wsgi))
    return client


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
    """Answers botocore's requests before they are sent."""

    def __init__(self, wsgi: Any) -> None:
        self._client = Client(wsgi)

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        body = request.body.read() if hasattr(request.body, "read") else request.body
        response: Response = self._client.open(
            path=url.path,
            query_string=url.query,
            base_url=f"{url.scheme}://{url.netloc}",
            method=request.method,
            headers={name: _text(value) for name, value in request.headers.items()},
            data=body,
            environ_base=LOOPBACK,
        )
        target = _text(request.headers.get("X-Amz-Target", ""))
        if response.status_code >= HTTPStatus.BAD_REQUEST and target.startswith(target_prefix()):
            record_error(target, json.loads(response.data)["__type"])
        return AWSResponse(request.url, response.status_code, dict(response.headers), _Raw(response.data))


class _Raw(BytesIO):
    """The body of a response, with the interface that botocore expects of urllib3."""

    def stream(self, **_: Any) -> list[bytes]:
        return [self.read()]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
