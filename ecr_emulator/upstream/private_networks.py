"""Connections that enter private networks only if their host is allowed to be there.

A host that an upstream redirects to may have an address that only the emulator can reach, and its address may change
after a check. The name is therefore resolved once, and the connection uses the address that was checked.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import connection as sockets

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.redirects import is_private

May = Callable[[], bool]
"""Returns whether a host may be inside a private network, because a rule or the operator names it."""


class GuardedAdapter(HTTPAdapter):
    """Connects to hosts inside private networks only if they are allowed to be there.

    Connections through an HTTP proxy are not checked: the proxy resolves the names, and its operator decides.
    """

    def __init__(self, may_be_private: May, **options: Any) -> None:
        self._may_be_private = may_be_private
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, **options)
        pools = {"http": (HTTPConnectionPool, _Http), "https": (HTTPSConnectionPool, _Https)}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: partial(_guarded, pool, connection, self._may_be_private)
            for scheme, (pool, connection) in pools.items()
        }


def _guarded(pool: Any, connection: Any, may_be_private: May, *args: Any, **options: Any) -> HTTPConnectionPool:
    """Return a pool whose connections check their addresses."""
    made: Any = pool(*args, **options)
    made.ConnectionCls = partial(connection, may_be_private)
    return made  # type: ignore[no-any-return]  # it is a pool, with a factory where its class of connections was


class _Guard(HTTPConnection):
    """A connection to the first allowed address of its host that answers."""

    def __init__(self, may_be_private: May, *args: Any, **options: Any) -> None:
        self._may_be_private = may_be_private
        super().__init__(*args, **options)

    def _new_conn(self) -> socket.socket:
        if self._may_be_private():
            return super()._new_conn()
        *addresses, last = self._addresses()
        for address in addresses:
            try:
                return self._connect(address)
            except (ConnectTimeoutError, NewConnectionError):
                continue
        return self._connect(last)

    def _addresses(self) -> list[str]:
        """Return the public addresses of the host. Raises ``UpstreamUnavailable`` if it has none."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as unknown:
            raise NameResolutionError(self.host, self, unknown) from unknown  # type: ignore[arg-type]  # of its kind
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        public = [address for address in addresses if not is_private(address)]
        if not public:
            raise UpstreamUnavailable(
                f"{self.host} is at {addresses[0]}, an address inside a private network; "
                "put it into the upstream map if that is meant"
            )
        return public

    def _connect(self, address: str) -> socket.socket:
        try:
            return sockets.create_connection(
                (address, self.port),
                self.timeout,
                source_address=self.source_address,
                socket_options=self.socket_options,
            )
        except TimeoutError as slow:
            raise ConnectTimeoutError(self, f"connecting to {address} took too long") from slow
        except OSError as failed:
            raise NewConnectionError(self, str(failed)) from failed


class _Http(_Guard):
    """A checked connection by http."""


class _Https(_Guard, HTTPSConnection):
    """A checked connection by https."""
