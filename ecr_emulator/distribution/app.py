"""The data plane as a WSGI application."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from ecr_emulator.distribution import routes
from ecr_emulator.distribution.blobs import get_blob
from ecr_emulator.distribution.challenge import challenge, find_caller
from ecr_emulator.distribution.visit import Visit
from ecr_emulator.distribution.wire import Refusal, refusal_of, refusal_of_upstream, refused
from ecr_emulator.domain.addresses import registry_of_host, split_path_style
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_repository_name
from ecr_emulator.errors import EcrError, UpstreamFailure
from ecr_emulator.observe import NOTE, REQUEST_ID
from ecr_emulator.services import Services, layer_urls

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

_LAYER_URL = re.compile(rf"{layer_urls.PREFIX}/(\d{{12}})/([a-z0-9-]+)/(.+)/([^/]+)")
_BAD_LAYER_URL = "The URL is not signed by this registry, or has expired."


class DistributionApp:
    """Answers ``/v2/…`` and the signed URLs of layers.

    With ``registry_auth`` ``open``, clients without a token are the emulator's own account.
    """

    def __init__(self, services: Services, registry_auth: str = "token") -> None:
        self._services = services
        self._is_open = registry_auth == "open"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        answer = self._answer(request)
        answer.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._handle(request, self._services.clock.now())
        except Exception as error:
            refusal = self._refusal(request, error)
            request.environ.setdefault(NOTE, {}).update(error=refusal.code, reason=refusal.message)
            return refused(refusal)

    def _refusal(self, request: Request, error: Exception) -> Refusal:
        match error:
            case Refusal():
                return error
            case EcrError():
                return refusal_of(error)
            case UpstreamFailure():
                return refusal_of_upstream(error)
            case HTTPException():
                return Refusal(error.code or 400, "UNSUPPORTED", error.description or "bad request")
        request_id = request.environ[REQUEST_ID] = self._services.ids.uuid()
        log.error("request %s failed: %s %s", request_id, request.method, request.path, exc_info=error)
        return Refusal(500, "UNKNOWN", f"Internal error; the log has it under request {request_id}")

    def _handle(self, request: Request, now: datetime) -> Response:
        if request.path.startswith(layer_urls.PREFIX):
            return self._signed_layer(request, now)
        caller = find_caller(request, self._services.tokens, now)
        if caller is None and not self._is_open:
            return challenge(request)
        handler, path, arguments = routes.match(request.method, request.path)
        registry, name = self._addressed(request, path, caller)
        request.environ[NOTE] = {"account": registry.id, "region": registry.region, "repository": name}
        if path and not is_repository_name(name):
            raise Refusal(400, "NAME_INVALID", f"'{name}' is not a repository name")
        return handler(Visit(request, self._services, registry, name, path, now), *arguments)

    def _addressed(self, request: Request, path: str, caller: Caller | None) -> tuple[Registry, str]:
        """The registry and repository that a request means: by host, by containerd's ``ns``, by path, by token."""
        registry = registry_of_host(request.host) or registry_of_host(request.args.get("ns", ""))
        if registry:
            return registry, path
        return split_path_style(path) or (caller.registry if caller else self._services.home, path)

    def _signed_layer(self, request: Request, now: datetime) -> Response:
        found = _LAYER_URL.fullmatch(request.path)
        if found is None or request.method not in ("GET", "HEAD"):
            raise Refusal(403, "DENIED", _BAD_LAYER_URL)
        account, region, name, digest = found.groups()
        registry = Registry(account, region)
        if not layer_urls.verify(self._services.tokens, registry, name, digest, request.args, now):
            raise Refusal(403, "DENIED", _BAD_LAYER_URL)
        return get_blob(Visit(request, self._services, registry, name, name, now), digest)
