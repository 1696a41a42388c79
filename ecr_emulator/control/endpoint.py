"""Answer requests by the AWS JSON 1.1 protocol.

A request is checked in this order: the target, the caller, the JSON, the model's constraints, the caller's permissions
if IAM is enforced, and the operation's own checks. Only this module turns errors into AWS's error bodies.
"""

from __future__ import annotations

import json
import logging
from collections.abc import MutableMapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, Protocol

from ecr_emulator.control import model
from ecr_emulator.control.dispatch import find_operation
from ecr_emulator.control.looked_at import looked_at
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.control.required_actions import required_actions
from ecr_emulator.control.signatures import SignedRequest
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import EcrError, SerializationException, ServerException
from ecr_emulator.ports.storage_failures import OutOfFiles, StorageFailure
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.request_context import first_pull_refusal, request_context
from ecr_emulator.request_counts import OPERATION, add_pull
from ecr_emulator.services import Services
from ecr_emulator.services.access import UNLIMITED, Permissions
from ecr_emulator.services.first_pulls import without_imports

CONTENT_TYPE = "application/x-amz-json-1.1"
REQUEST_ID = "x-amzn-RequestId"
UNAVAILABLE = "ServiceUnavailable"
"""AWS's common error for a temporary failure."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode
_log = logging.getLogger(__name__)


class HttpRequest(NamedTuple):
    """The parts of an HTTP request that the protocol uses.

    ``origin`` is the scheme and host that the client used, without a slash at the end. ``environ`` is the WSGI
    environment, for values that few requests need.
    """

    target: str
    body: bytes
    origin: str
    environ: MutableMapping[str, Any]
    authorization: str | None = None
    query: str = ""

    def header(self, name: str) -> str | None:
        """Return the value of a header, None if the request does not have it."""
        variable = name.upper().replace("-", "_")
        prefix = "" if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_"
        value: str | None = self.environ.get(prefix + variable)
        return value


class Answer(NamedTuple):
    """An HTTP answer, and a note for the log."""

    status: int
    headers: dict[str, str]
    body: bytes
    note: dict[str, str]


class FindsCallers(Protocol):
    """Identifies the callers of requests."""

    def find(self, request: SignedRequest, now: datetime) -> Caller:
        """Return the caller of a request. Raises ``EcrError`` if there is none."""


class Endpoint:
    """Answers API requests for all registries.

    ``strict`` is for tests: an answer or an error that the model does not describe raises ``AssertionError``, and
    unexpected exceptions are raised instead of answered.
    """

    def __init__(self, services: Services, callers: FindsCallers, *, strict: bool = False) -> None:
        self._services = services
        self._callers = callers
        self._strict = strict

    def handle(self, request: HttpRequest) -> Answer:
        """Answer a request. Every failure becomes an error answer."""
        request_id = self._services.ids.uuid()
        status, content = 200, {}
        note = {"operation": request.target.rpartition(".")[2]}
        try:
            content = self._perform(request, note)
        except EcrError as error:
            status, content = error.status, _error_content(error)
            cause = error.__cause__
            reason = cause.reason if isinstance(cause, UpstreamFailure) else error.message
            note |= {"error": error.code, "reason": reason}
        except OutOfFiles as failure:
            status, content = 503, {"__type": UNAVAILABLE, "message": failure.reason}
            note |= {"error": UNAVAILABLE, "reason": failure.reason}
        except StorageFailure as failure:
            status, content = ServerException.status, _error_content(ServerException(failure.reason))
            note |= {"error": ServerException.__name__, "reason": failure.reason}
        except UnicodeEncodeError:
            # JSON admits a lone surrogate, which is half a character; no stored text contains one.
            status, content = 400, _error_content(SerializationException(reason="it contains a lone surrogate"))
        except Exception as failure:
            if self._strict:
                raise
            _log.exception("Request %s (%s) failed", request_id, request.target)
            status, content = 500, _error_content(_server_exception(request_id, failure))
        body = _to_json(content).encode()
        return Answer(status, {REQUEST_ID: request_id, "Content-Type": CONTENT_TYPE}, body, note)

    def _perform(self, request: HttpRequest, note: dict[str, str]) -> dict[str, Any]:
        operation = find_operation(request.target)
        request.environ[OPERATION] = operation.name
        now = self._services.clock.now()
        caller = self._callers.find(request, now)
        members = operation.decode(_parse(request.body))
        if operation.check:
            operation.check(members)
        registry_id = members.get("registryId")
        registry = Registry(registry_id, caller.registry.region) if registry_id else caller.registry
        name = members.get("repositoryName", "")
        note |= {"account": registry.id, "region": registry.region} | ({"repository": name} if name else {})
        now = self._services.due_work.complete(now, *looked_at(operation.name, members, registry))
        self._services.faults.apply({operation.name}, registry, name, request.environ)
        permissions: Permissions = UNLIMITED
        if self._services.access:
            context = request_context(request.environ)
            permissions = self._services.access.permissions(caller, registry, now, context)
            permissions.require(required_actions(operation.name, members, registry, self._services.roles))
        host = request.origin.partition("://")[2]
        permissions = without_imports(permissions, first_pull_refusal(request.environ, host))
        report = partial(add_pull, request.environ, note)
        ecr_request = EcrRequest(
            operation.name, now, caller, registry, self._services, request.origin, permissions, report
        )
        if self._strict:
            return operation.perform_strictly(ecr_request, members)
        return operation.perform(ecr_request, members)


def _parse(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as wrong:
        raise SerializationException(reason=str(wrong)) from wrong


def _error_content(error: EcrError) -> dict[str, Any]:
    members = model.error_members().get(error.code, {})
    facts = {wire: error.facts[name] for name, wire in members.items() if error.facts.get(name) is not None}
    return {"__type": error.code, "message": error.message, **facts}


def _server_exception(request_id: str, failure: Exception) -> ServerException:
    return ServerException(
        f"The emulator failed on this request ({type(failure).__name__}); see its log, request {request_id}."
    )
