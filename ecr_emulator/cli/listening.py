"""The sockets at which ``serve`` listens."""

from __future__ import annotations

from socket import socket
from urllib.parse import urlsplit

from ecr_emulator.cli.options import CannotStart
from ecr_emulator.settings import Settings
from ecr_emulator.storage.blobs.s3_place import ENDPOINT_VARIABLE, S3Place

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def listen_for(settings: Settings, *, without_ipv6: bool) -> list[socket]:
    """Listen at the addresses in the settings. Without IPv6 on the machine, that of IPv4 may be enough.

    Raises ``CannotStart``, also if the layers are to be in S3 at one of these addresses: it would not answer before the
    emulator has started.
    """
    from ecr_emulator.serving.listeners import CannotListen, listen

    try:
        listeners = listen(settings.host, settings.port, without_ipv6=without_ipv6)
    except CannotListen as refused:
        hint = ". Choose another one with --port; 0 picks a free one." if refused.in_use else ""
        raise CannotStart(f"{refused}{hint}") from None
    if isinstance(settings.blobs, S3Place):
        _require_another_server(settings.blobs, {listener.getsockname()[1] for listener in listeners})
    return listeners


def _require_another_server(blobs: S3Place, ports: set[int]) -> None:
    server = urlsplit(blobs.server or "")
    try:
        is_own = server.hostname in _HERE and server.port in ports
    except ValueError:  # it is no port: the client of S3 says so
        return
    if is_own:
        source = "endpoint in --blobs" if blobs.endpoint else ENDPOINT_VARIABLE
        raise CannotStart(f"{source} is {server.geturl()}, this emulator itself. It must be a server of S3 that runs")
