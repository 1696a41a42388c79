"""ECR's API for the console and for other services of the emulator, which call it without HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.wsgi import get_host

from ecr_emulator.control import model
from ecr_emulator.control.endpoint import REQUEST_ID, Endpoint, HttpRequest
from ecr_emulator.control.signatures import SignedRequest
from ecr_emulator.domain.caller import Caller
from ecr_emulator.ports.ecr_api import EcrCallFailed, ForwardedAccess
from ecr_emulator.request_context import CALLED_VIA
from ecr_emulator.services import Services

_OK = 200


class InProcessApi:
    """``ports.ecr_api.EcrApi`` on the control plane. ``services`` returns the services, which are made later."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def call(self, operation: str, members: Mapping[str, Any], access: ForwardedAccess) -> dict[str, Any]:
        environ = {**access.environ, **({CALLED_VIA: access.service} if access.service else {})}
        request = HttpRequest(
            target=f"{model.target_prefix()}{operation}",
            body=json.dumps(members).encode(),
            origin=f"{environ['wsgi.url_scheme']}://{get_host(environ)}",
            environ=environ,
        )
        answer = Endpoint(self._services(), _KnownCaller(access.caller)).handle(request)
        content: dict[str, Any] = json.loads(answer.body)
        if answer.status != _OK:
            raise EcrCallFailed(answer.status, content["__type"], content["message"], answer.headers[REQUEST_ID])
        return content


class _KnownCaller(NamedTuple):
    """In the place of ``Callers``, for a request whose caller another part has identified."""

    caller: Caller

    def find(self, request: SignedRequest, now: datetime) -> Caller:
        """Return the caller."""
        return self.caller
