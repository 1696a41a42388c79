"""The outermost layer of a node: before it handles a request, it learns what the other nodes have committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from ecr_emulator.dispatcher import refuse
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.probes import PROBES
from ecr_emulator.web_pages import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class NewsBeforeRequests:
    """Calls ``catch_up`` before each request. If it fails, the request is refused: its answer might be out of date.

    Probes are answered in any case. The readiness probe asks the database itself.
    """

    def __init__(self, wsgi: WSGIApplication, catch_up: Callable[[], None]) -> None:
        self._wsgi = wsgi
        self._catch_up = catch_up

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._catch_up()
        except StorageFailure as failure:
            if environ["PATH_INFO"] not in PROBES:
                return refuse(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, failure.reason), environ, start_response)
        return self._wsgi(environ, start_response)
