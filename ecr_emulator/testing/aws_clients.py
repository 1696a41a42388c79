"""boto3 sessions whose clients call an emulator, over a socket or in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.loaders import create_loader

from ecr_emulator.domain.fault import ConnectionDropped
from ecr_emulator.service_models import service_loader
from ecr_emulator.transports import InProcess

SECRET_KEY = "any"  # noqa: S105 - the emulator takes any
NO_FILE = (None, None, os.devnull, None)
HERMETIC = {"profile": (None, None, None, None), "config_file": NO_FILE, "credentials_file": NO_FILE}
"""Neither the profiles of the user nor ``AWS_PROFILE`` are read: a missing profile would fail every client."""
NOT_SENT = {"content-length", "transfer-encoding", "expect"}
"""Headers that tell a server how a body arrives; in process it is there."""


class EmulatorSession(boto3.Session):  # type: ignore[misc]  # boto3 has no types
    """A session of an account and a Region. Its clients call the emulator unless they are given another endpoint."""

    def __init__(self, account: str, region: str, endpoint_url: Callable[[], str]) -> None:
        super().__init__(
            aws_access_key_id=account,
            aws_secret_access_key=SECRET_KEY,
            region_name=region,
            botocore_session=_hermetic_session(),
        )
        self._endpoint_url = endpoint_url

    def client(self, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        """Return a client, as boto3 does."""
        return super().client(service_name, region_name, **{"endpoint_url": self._endpoint_url()} | options)


def in_process_session(
    account: str, region: str, endpoint_url: Callable[[], str], application: InProcess
) -> EmulatorSession:
    """Return a session whose clients open no socket.

    The handlers come first: those of moto's ``mock_aws`` would answer, too. ``endpoint_url`` is asked again for each
    request, so that answers show the address at which the emulator listens by then.
    """
    session = EmulatorSession(account, region, endpoint_url)
    session.events.register_first("before-sign", _Readdress(endpoint_url))
    session.events.register_first("before-send", SendInProcess(application))
    return session


def _hermetic_session() -> botocore.session.Session:
    session = botocore.session.Session(session_vars=HERMETIC)
    search_paths = create_loader(session.get_config_variable("data_path")).search_paths
    session.register_component("data_loader", service_loader(search_paths))
    return session


class _Readdress:
    """Replaces the endpoint of requests, which clients keep from their start, by the present one."""

    def __init__(self, endpoint_url: Callable[[], str]) -> None:
        self._endpoint_url = endpoint_url
        self._first = urlsplit(endpoint_url()).netloc

    def __call__(self, request: AWSRequest, **_: Any) -> None:
        now = urlsplit(self._endpoint_url()).netloc
        request.url = request.url.replace(f"//{self._first}/", f"//{now}/", 1)


class SendInProcess:
    """Answers requests in place of botocore's HTTP session."""

    def __init__(self, application: InProcess) -> None:
        self._application = application

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = _bytes(request.body)
        headers = {name: header_text(value) for name, value in request.headers.items() if name.lower() not in NOT_SENT}
        headers["Content-Length"] = str(len(body))
        try:
            answer = self._application.send(request.method, request.url, headers, BytesIO(body))
            return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.read()))
        except ConnectionDropped as dropped:
            raise ConnectionClosedError(endpoint_url=request.url) from dropped


class _Raw(BytesIO):
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> list[bytes]:
        """Return the chunks that are left."""
        return [self.read()]


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def header_text(value: str | bytes) -> str:
    """Return the value of a header, which botocore may have as bytes."""
    return value.decode("latin-1") if isinstance(value, bytes) else value
