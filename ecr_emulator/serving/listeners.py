"""The sockets that a server listens on: several addresses, one port."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress

BACKLOG = 1024
FREE_PORT_ATTEMPTS = 20
STALL_SECONDS = 60.0
"""Seconds after which a transfer without progress is ended."""
NO_IPV6 = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

log = logging.getLogger(__name__)


class CannotListen(Exception):
    """The server cannot listen on an address. The message names the address and the reason."""

    def __init__(self, place: str, failure: OSError) -> None:
        super().__init__(f"Cannot listen on {place}: {failure.strerror}")
        self.in_use = failure.errno == errno.EADDRINUSE


def listen(
    hosts: Sequence[str], port: int, *, without_ipv6: bool = False, stall_seconds: float = STALL_SECONDS
) -> list[socket.socket]:
    """Return a listening socket for each address of the hosts, all on one port; 0 means a port free on all.

    Linux ends their connections when a client takes none of the bytes for it for ``stall_seconds``.

    With ``without_ipv6``, IPv6 addresses are left out where the machine has no IPv6. Raises CannotListen.
    """
    for _ in range(FREE_PORT_ATTEMPTS if port == 0 else 0):
        try:
            return _listen(hosts, port, without_ipv6, stall_seconds)
        except CannotListen as refused:
            # The free port of one address may be in use on the next address.
            if not refused.in_use:
                raise
    return _listen(hosts, port, without_ipv6, stall_seconds)


def wake(listener: socket.socket) -> None:
    """Wake the thread that waits for connections of a listener, which is about to be closed."""
    with suppress(OSError):  # macOS refuses it; the thread looks by itself after a while
        listener.shutdown(socket.SHUT_RDWR)


def _listen(hosts: Sequence[str], port: int, without_ipv6: bool, stall_seconds: float) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    with ExitStack() as unless_all_succeed:
        for family, address in _addresses(hosts):
            try:
                listener = _bound(family, address, port, stall_seconds)
            except OSError as failure:
                if not (without_ipv6 and family == socket.AF_INET6 and failure.errno in NO_IPV6):
                    raise CannotListen(f"{address} port {port}", failure) from failure
                log.info("not listening on %s: this machine has no IPv6", address)
                continue
            listeners.append(unless_all_succeed.enter_context(listener))
            port = listener.getsockname()[1]
        unless_all_succeed.pop_all()
    return listeners


def _addresses(hosts: Sequence[str]) -> list[tuple[socket.AddressFamily, str]]:
    found: list[tuple[socket.AddressFamily, str]] = []
    for host in hosts:
        try:
            infos = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as failure:
            raise CannotListen(host, failure) from failure
        found += [(family, str(address[0])) for family, _, _, _, address in infos]
    return list(dict.fromkeys(found))


def _bound(family: socket.AddressFamily, address: str, port: int, stall_seconds: float) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it: without it an answer whose head and body go out in two pieces takes 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it, too
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(stall_seconds * 1000))
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
