"""The answers to probes: whether the emulator is alive, and whether it is ready."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug import Response

from ecr_emulator.domain.names import Registry
from ecr_emulator.init_scripts import InitScripts
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.store import Store
from ecr_emulator.probes import PROBES, READINESS_PROBES
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.version import __version__

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class ProbeAnswers:
    """Answers probes. The emulator is ready when its ``init_scripts`` have run and ``home`` can be read."""

    def __init__(self, store: Store, home: Registry, init_scripts: InitScripts) -> None:
        self._store = store
        self._home = home
        self.init_scripts = init_scripts

    def answer(self, path: str) -> Response:
        """Return the answer of an address of probes."""
        if path not in READINESS_PROBES:
            return _answer(status="ok", version=__version__, services={"ecr": "running"})
        try:
            return self._readiness()
        except StorageFailure as failure:
            return _answer(503, error=failure.reason)

    def _readiness(self) -> Response:
        """Return whether the init scripts have run and the database answers."""
        if not self.init_scripts.completed:
            return _answer(503, error="The init scripts have not all run yet; GET /_localstack/init shows them")
        with self._store.reading() as work:
            work.repositories.find(self._home, "ready")
        return _answer(status="ready")


def with_probes(probes: ProbeAnswers, admin: WSGIApplication) -> WSGIApplication:
    """Return the admin endpoints with answers to probes that do not import them.

    The admin endpoints also answer probes, and refuse those that have a query, a body or another method.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not _is_plain_probe(environ):
            return admin(environ, start_response)
        path = environ["PATH_INFO"]
        environ[OPERATION] = f"GET {path}"
        return probes.answer(path)(environ, start_response)

    return answer


def _is_plain_probe(environ: WSGIEnvironment) -> bool:
    has_body = environ.get("CONTENT_LENGTH", "") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
    is_read = environ["REQUEST_METHOD"] in ("GET", "HEAD")
    return environ["PATH_INFO"] in PROBES and is_read and not has_body and not environ.get("QUERY_STRING")


def _answer(status_code: int = 200, **content: Any) -> Response:
    return Response(json.dumps(content), status_code, content_type="application/json")
