"""What web pages may do with the emulator: nothing, unless somebody has named their origin.

Any page that is open in a browser on this machine can send requests to it. The browser says where they come from, in
``Origin`` or ``Sec-Fetch-Site``, which no page can forge, and asks first (a preflight) before it sends what no form
can.
https://fetch.spec.whatwg.org/#http-cors-protocol, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_emulator.domain.host_names import HostNames, name_in

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FORBIDDEN, MISDIRECTED = 403, 421
BEFORE_PROXY = "werkzeug.proxy_fix.orig"
"""Where ``ProxyFix`` keeps what the request said before it believed the proxy."""
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ELSEWHERE = ("cross-site", "same-site")
"""Values of ``Sec-Fetch-Site`` for another origin; another port of this machine is ``same-site``."""


class Refusal(NamedTuple):
    """Why a request is not answered."""

    status: int
    message: str


class WebPages:
    """Tells requests of web pages from those of programs. ``allowed`` are the origins whose pages are let in."""

    def __init__(self, host_names: HostNames, allowed: Iterable[str] = ()) -> None:
        self._host_names = host_names
        self._allowed = frozenset(map(_origin_of, allowed))

    def refusal(self, environ: WSGIEnvironment) -> Refusal | None:
        """Why this request is not answered; None if it is."""
        return self._refusal_of_host(environ) or self._refusal_of_origin(environ)

    def allowed_origin(self, environ: WSGIEnvironment) -> str | None:
        """The other origin that this request comes from and that is let in."""
        origin = environ.get("HTTP_ORIGIN")
        return origin if origin and _origin_of(origin) in self._allowed else None

    def _refusal_of_host(self, environ: WSGIEnvironment) -> Refusal | None:
        hosts = [environ.get("HTTP_HOST")]
        if BEFORE_PROXY in environ:
            hosts.append(environ[BEFORE_PROXY]["HTTP_HOST"])
        for host in hosts:
            if host and not self._host_names.answers(host):
                message = (
                    f"The emulator does not answer to the host name {host}, which anybody may have pointed here. "
                    f"If it is yours, start the emulator with --allow-host {name_in(host.lower()) or 'NAME'}"
                )
                return Refusal(MISDIRECTED, message)
        return None

    def _refusal_of_origin(self, environ: WSGIEnvironment) -> Refusal | None:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            if environ.get("HTTP_SEC_FETCH_SITE") not in ELSEWHERE:
                return None
            # Pictures, scripts and links only say that they are of another origin. The page may be named beside.
            origin = _origin_of(environ.get("HTTP_REFERER", ""))
        elif _origin_of(origin) == _own_origin(environ):
            return None
        if _origin_of(origin) in self._allowed:
            return None
        return Refusal(FORBIDDEN, _no_pages_of(origin))


def _no_pages_of(origin: str) -> str:
    if "://" not in origin:
        return (
            "This request comes from a web page of another origin, and does not say of which; such requests are "
            "refused. --allow-origin lets in pages whose origin has a name"
        )
    return (
        f"This request comes from a web page of {origin}, which is another origin; such requests are refused. "
        f"If the page is yours, start the emulator with --allow-origin {origin}"
    )


def _own_origin(environ: WSGIEnvironment) -> str:
    return _origin_of(f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}")


def _origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as browsers write an origin; of what is no URL, nothing that one would be."""
    scheme, separator, rest = url.lower().partition("://")
    host = rest.partition("/")[0]
    return f"{scheme}{separator}{host.removesuffix(DEFAULT_PORTS.get(scheme, ' '))}"


# --- Pages of origins that are let in ----------------------------------------------------------------------


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether a browser asks what a page may send, before the page does."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def answer_preflight(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Let a page send what it wants to send."""
    headers = [
        ("Content-Length", "0"),
        ("Access-Control-Allow-Methods", environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]),
        ("Access-Control-Allow-Headers", environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")),
    ]
    if "HTTP_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK" in environ:
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    start_response("204 No Content", headers)
    return []


def readable_for(origin: str, start_response: StartResponse) -> StartResponse:
    """Have the browser hand the answer over to a page of this origin."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        headers = [
            *headers,
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "*"),
            ("Vary", "Origin"),
        ]
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return start
