"""The address that clients connect to, for applications whose server has only a Unix socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - addresses to listen on, which nobody can reach


def with_server_address(wsgi: WSGIApplication, listener: socket.socket) -> WSGIApplication:
    """Wrap an application: its requests name the address of this listener as that of the server."""
    host, port = listener.getsockname()[:2]
    address = {"SERVER_NAME": "localhost" if host in EVERYWHERE else host, "SERVER_PORT": str(port)}

    def addressed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.update(address)
        return wsgi(environ, start_response)

    return addressed
