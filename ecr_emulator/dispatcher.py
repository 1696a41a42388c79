"""The dispatcher: it chooses the part of the emulator that answers a request, by path, headers and signature."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.domain.fault import BREAKS_AFTER, ConnectionDropped
from ecr_emulator.error_formats import ERROR_FORMATS
from ecr_emulator.host_header import wrong_host
from ecr_emulator.ports.storage_failures import OutOfFiles
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.request_counts import PLANE
from ecr_emulator.request_log import NOTE
from ecr_emulator.web_pages import Refusal, WebPages, answer_preflight, is_preflight, readable_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = tuple(f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT"))
ECR_TARGET = "AmazonEC2ContainerRegistry_"
ECR_SCOPE = "/ecr/aws4_request"
OWN_PAGES = (
    "/", "/health", "/healthz", "/livez", "/ready", "/readyz", "/metrics", "/favicon.ico", "/robots.txt",
    "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/_localstack",
)  # fmt: skip
"""Paths that browsers and probes request from any server. In a signed request, such a path names a bucket of S3."""

CONSOLE_STARTS = ("/_ecr", "/_ecr/", "/_ecr/console")
"""Paths that lead a browser to the console, besides ``/``."""

_SIGNED = re.compile(r"(?:^|&)(?:X-Amz-|AWSAccessKeyId=)")
_BUCKET_HOST = re.compile(r".+\.localhost(?::\d+)?|(?:.+\.)?s3[.-].+", re.IGNORECASE)


@dataclass(frozen=True)
class Dispatcher:
    """Passes each request to the data plane, the control plane, the admin endpoints, the console or the companions.

    Requests of web pages from other origins are refused in the error format of the part that they ask
    (``error_formats``). A proxy may send the address of its client and the original scheme, host and port in
    ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Port``. HTTP/1.0 allows a request without a host; the host is then
    the address of the server. ``before_companions`` is called before a request is passed to the companions; the other
    parts know what a request looks at, and complete the work that is due there.
    """

    distribution: WSGIApplication
    control: WSGIApplication
    admin: WSGIApplication
    console: WSGIApplication
    companions: WSGIApplication
    before_companions: Callable[[], None]
    web_pages: WebPages

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        wrong = wrong_host(environ)
        if wrong:
            return refuse(Refusal(HTTPStatus.BAD_REQUEST, wrong), environ, start_response)
        if not environ.get("HTTP_HOST"):
            environ["HTTP_HOST"] = _reached(environ)
        if any(header in environ for header in FORWARDED):
            return ProxyFix(self._answer, x_for=1, x_proto=1, x_host=1, x_port=1)(environ, start_response)
        return self._answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refusal = self.web_pages.refusal(environ)
        if refusal:
            return refuse(refusal, environ, start_response)
        origin = self.web_pages.allowed_origin(environ)
        if origin:
            start_response = readable_for(origin, start_response)
            if is_preflight(environ):
                return answer_preflight(environ, start_response)
        part = environ[PLANE] = _part_for(environ)
        if part == "companions":
            self.before_companions()
        application: WSGIApplication = getattr(self, part)
        try:
            answer = application(environ, start_response)
        except OSError as failure:  # a part that is imported on first use needs files
            if not OutOfFiles.is_meant_by(failure):
                raise
            return refuse(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, OutOfFiles().reason), environ, start_response)
        return _broken_off(answer, environ[BREAKS_AFTER]) if BREAKS_AFTER in environ else answer


def _broken_off(answer: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Return the first bytes of an answer, then break the connection: before the status line if there are none."""
    try:
        for chunk in answer:
            part = chunk[:length]
            length -= len(part)
            if part:
                yield part
            if not length:
                break
        raise ConnectionDropped("an injected fault broke the connection")
    finally:
        close = getattr(answer, "close", None)
        if close:
            close()


def refuse(refusal: Refusal, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a refusal, in the format of the part that the request asks."""
    environ[NOTE] = {"reason": refusal.message}
    part = environ[PLANE] = _part_for(environ)
    response = ERROR_FORMATS[part](refusal, environ)
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response(environ, start_response)


def _part_for(environ: WSGIEnvironment) -> str:
    path: str = environ["PATH_INFO"]
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    if path.startswith(("/v2/", "/_ecr/layers/")) or path == "/v2":
        # API Gateway has paths under /v2 too. Its requests are signed; those of registry clients never are.
        return "companions" if authorization.startswith("AWS4-") else "distribution"
    if path.startswith("/_ecr/console/") or (path in CONSOLE_STARTS and _is_browser(environ)):
        return "console"
    if path.startswith(("/_ecr/", "/_localstack/")) or path == "/_ecr":
        return "admin"
    if environ.get("HTTP_X_AMZ_TARGET", "").startswith(ECR_TARGET) or ECR_SCOPE in authorization:
        return "control"
    if not _is_own_page(path, environ):
        return "companions"
    return "console" if path == "/" and _is_browser(environ) else "admin"


def _is_browser(environ: WSGIEnvironment) -> bool:
    """Whether a client asks for a page. Only browsers name HTML in ``Accept``; others are given text and JSON."""
    return "text/html" in environ.get("HTTP_ACCEPT", "")


def _is_own_page(path: str, environ: WSGIEnvironment) -> bool:
    """Whether an unsigned request asks for one of the emulator's own pages, and not for an object in a bucket."""
    if environ.get("HTTP_AUTHORIZATION", "").startswith("AWS"):
        return False
    if path == "/" and environ["REQUEST_METHOD"] not in ("GET", "HEAD"):  # STS has unsigned calls to this path
        return False
    if path not in OWN_PAGES and not path.startswith("/.well-known/"):
        return False
    return not (_is_bucket(environ.get("HTTP_HOST", "")) or _SIGNED.search(environ.get("QUERY_STRING", "")))


def _is_bucket(host: str) -> bool:
    return _BUCKET_HOST.fullmatch(host) is not None and registry_of_host(host) is None


def _reached(environ: WSGIEnvironment) -> str:
    name, port = environ.get("SERVER_NAME") or "localhost", environ.get("SERVER_PORT")
    host = f"[{name}]" if ":" in name else name
    return f"{host}:{port}" if port else host
