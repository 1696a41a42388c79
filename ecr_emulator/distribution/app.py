"""The data plane as a WSGI application."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from ecr_emulator.distribution import routes
from ecr_emulator.distribution.addressing import find_address, with_namespace
from ecr_emulator.distribution.challenge import challenge, find_bearer
from ecr_emulator.distribution.errors import OciError, error_response, oci_error_of, oci_error_of_upstream
from ecr_emulator.distribution.layer_urls import get_layer
from ecr_emulator.distribution.looked_at import looked_at
from ecr_emulator.distribution.request import RegistryRequest
from ecr_emulator.distribution.required_actions import required_actions
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_repository_name
from ecr_emulator.errors import EcrError
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.request_context import first_pull_refusal, request_context
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.request_log import NOTE, REQUEST_ID
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions
from ecr_emulator.services.first_pulls import without_imports
from ecr_emulator.services.layer_urls import PREFIX
from ecr_emulator.services.tokens import Bearer
from ecr_emulator.services.validity import LAST

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)


class DistributionApp:
    """Answers ``/v2/…`` and the signed URLs of layers.

    With ``registry_auth`` ``open``, requests without credentials belong to the emulator's own account, and have the
    permissions of its root user if IAM is enforced. ``strict`` selects the answers of real ECR where ECR departs from
    the OCI specification. ``accept_sparse`` accepts manifests with missing layers or children; ECR rejects them.
    """

    def __init__(
        self, services: Services, registry_auth: str = "token", *, strict: bool = False, accept_sparse: bool = False
    ) -> None:
        self._services = services
        self._is_strict = strict
        self._accepts_sparse = accept_sparse
        self._is_open = registry_auth == "open"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ, populate_request=False)  # a cycle would keep the body until garbage collection
        answer = self._answer(request)
        answer.headers.add("Docker-Distribution-Api-Version", "registry/2.0")
        return answer(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            return self._handle(request, self._services.clock.now())
        except Exception as error:
            oci_error = self._oci_error(request, error)
            reason = oci_error.reason or oci_error.message
            request.environ.setdefault(NOTE, {}).update(error=oci_error.code, reason=reason)
            return error_response(oci_error, with_reason=not self._is_strict)

    def _oci_error(self, request: Request, error: Exception) -> OciError:
        match error:
            case OciError():
                return error
            case EcrError():
                return oci_error_of(error, with_namespace(request.base_url, request))
            case UpstreamFailure():
                return oci_error_of_upstream(error)
            case StorageFailure():
                return OciError(503, "UNKNOWN", error.reason)
            case HTTPException():
                return OciError(error.code or 400, "UNSUPPORTED", error.description or "bad request")
        request_id = request.environ[REQUEST_ID] = self._services.ids.uuid()
        log.error("request %s failed: %s %s", request_id, request.method, request.path, exc_info=error)
        return OciError(500, "UNKNOWN", f"Internal error; see request {request_id} in the log")

    def _handle(self, request: Request, now: datetime) -> Response:
        if request.path.startswith(PREFIX):
            return get_layer(request, self._services, now)
        bearer = find_bearer(request, self._services.tokens, now)
        caller = bearer.caller if bearer else None
        if caller is None and not (self._is_open and "Authorization" not in request.headers):
            return challenge(request)
        route, handler, path, arguments = routes.match(request.method, request.path)
        operation = request.environ[OPERATION] = f"{request.method} {route}"
        registry, name, namespace = find_address(request, path, caller.registry if caller else self._services.home)
        request.environ[NOTE] = {"account": registry.id, "region": registry.region, "repository": name}
        if path and not is_repository_name(name):
            raise OciError(400, "NAME_INVALID", f"'{name}' is not a repository name")
        now = self._services.due_work.complete(now, *looked_at(request, registry, name, path))
        self._services.faults.apply({route, operation}, registry, name, request.environ)
        registry_request = RegistryRequest(
            request,
            self._services,
            registry,
            name,
            path,
            now,
            principal=caller.principal_arn if caller else "",
            is_strict=self._is_strict,
            accepts_sparse=self._accepts_sparse,
            remembered_until=self._remembered_until(bearer),
            permissions=without_imports(
                self._permissions(request, caller, registry, now),
                first_pull_refusal(request.environ, namespace or request.host),
            ),
        )
        if self._services.access:
            registry_request.permissions.require(required_actions(handler, request, registry, name))
        answer = handler(registry_request, *arguments)
        if namespace:
            answer.headers["OCI-Namespace"] = namespace
        return answer

    def _remembered_until(self, bearer: Bearer | None) -> datetime | None:
        """Return the time up to which answers to a caller may be remembered; None while policies or faults intervene.

        Policies may depend on the time, and on headers by which remembered answers are not told apart.
        """
        if self._services.access or self._services.faults.are_injected:
            return None
        return bearer.expires_at if bearer else LAST

    def _permissions(self, request: Request, caller: Caller | None, registry: Registry, now: datetime) -> Permissions:
        if self._services.access is None:
            return UNLIMITED
        caller = caller or Caller.root_of(self._services.home)
        return self._services.access.permissions(caller, registry, now, request_context(request.environ))
