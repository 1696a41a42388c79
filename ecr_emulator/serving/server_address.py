"""The address that clients connect to, for applications whose server has only a Unix socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - addresses to listen on, which no client can connect to


def with_server_address(wsgi: WSGIApplication, listener: socket.socket) -> WSGIApplication:
    """Wrap an application so that its requests have the address of this listener as the server's address."""
    host, port = listener.getsockname()[:2]
    address = {"SERVER_NAME": "localhost" if host in EVERYWHERE else host, "SERVER_PORT": str(port)}

    def addressed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.update(address)
        return wsgi(environ, start_response)

    return addressed
