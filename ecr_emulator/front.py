"""The one door: which part of the emulator answers a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT")
ECR_TARGET = "AmazonEC2ContainerRegistry_"
ECR_SCOPE = "/ecr/aws4_request"


@dataclass(frozen=True)
class Front:
    """Hands each request to the data plane, the control plane, the admin endpoints or the companions.

    A proxy in front may say what its client asked for, in ``X-Forwarded-Proto``, ``-Host`` and ``-Port``.
    ``catch_up`` is called first: no request sees a state in which something due has not been done.
    """

    distribution: WSGIApplication
    control: WSGIApplication
    admin: WSGIApplication
    companions: WSGIApplication
    catch_up: Callable[[], None]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if any(header in environ for header in FORWARDED):
            return ProxyFix(self._answer, x_for=1, x_proto=1, x_host=1, x_port=1)(environ, start_response)
        return self._answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.catch_up()
        return self._choose(environ)(environ, start_response)

    def _choose(self, environ: WSGIEnvironment) -> WSGIApplication:
        path: str = environ["PATH_INFO"]
        authorization: str = environ.get("HTTP_AUTHORIZATION", "")
        if path.startswith(("/v2/", "/_ecr/layers/")) or path == "/v2":
            # API Gateway has paths under /v2 too; its requests are signed, a registry client's never are.
            return self.companions if authorization.startswith("AWS4-") else self.distribution
        if path.startswith("/_ecr/") or path == "/_localstack/health":
            return self.admin
        if environ.get("HTTP_X_AMZ_TARGET", "").startswith(ECR_TARGET) or ECR_SCOPE in authorization:
            return self.control
        if path == "/" and environ["REQUEST_METHOD"] == "GET" and not authorization:
            return self.admin
        return self.companions
