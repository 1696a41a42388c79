"""The refusal of requests from web pages, except those of allowed origins.

Any page that is open in a browser on this machine can send requests to the emulator. The browser sends the origin in
``Origin`` or ``Sec-Fetch-Site``, which no page can forge. It sends a preflight before a request that no form can send.
https://fetch.spec.whatwg.org/#http-cors-protocol, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from socket import gethostname
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_emulator.domain.host_names import HostNames, name_in

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ecr_emulator.settings import Settings

FORBIDDEN, MISDIRECTED = 403, 421
BEFORE_PROXY = "werkzeug.proxy_fix.orig"
"""The key under which ``ProxyFix`` keeps the values from before it applied the headers of the proxy."""
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
ELSEWHERE = ("cross-site", "same-site")
"""Values of ``Sec-Fetch-Site`` for another origin; another port of this machine is ``same-site``."""


class Refusal(NamedTuple):
    """The reason why a request is refused, the status of the answer, and the seconds after which to try again."""

    status: int
    message: str
    retry_after: int | None = None


def names_in(settings: Settings) -> list[str]:
    """Return the host names in the settings, and that of the machine."""
    public = settings.public_host
    names = [*settings.host, *settings.allow_host, gethostname()]
    return [*names, public, f"*.{public}"] if public else names


class WebPages:
    """Refuses requests of web pages. ``allowed`` are the origins whose pages may send requests."""

    def __init__(self, host_names: HostNames, allowed: Iterable[str] = ()) -> None:
        self._host_names = host_names
        self._allowed = frozenset(map(_origin_of, allowed))

    def refusal(self, environ: WSGIEnvironment) -> Refusal | None:
        """Return the reason why a request is refused; None if it is not."""
        return self._refusal_of_host(environ) or self._refusal_of_origin(environ)

    def allowed_origin(self, environ: WSGIEnvironment) -> str | None:
        """Return the origin of a request if it is an allowed one, or else None."""
        origin = environ.get("HTTP_ORIGIN")
        return origin if origin and _origin_of(origin) in self._allowed else None

    def _refusal_of_host(self, environ: WSGIEnvironment) -> Refusal | None:
        hosts = [environ.get("HTTP_HOST")]
        if BEFORE_PROXY in environ:
            hosts.append(environ[BEFORE_PROXY]["HTTP_HOST"])
        for host in hosts:
            if host and not self._host_names.answers(host):
                message = (
                    f"The emulator does not answer to the host name {host}, because anybody could point it here. "
                    f"If it is yours, start the emulator with --allow-host {name_in(host.lower()) or 'NAME'}"
                )
                return Refusal(MISDIRECTED, message)
        return None

    def _refusal_of_origin(self, environ: WSGIEnvironment) -> Refusal | None:
        origin = environ.get("HTTP_ORIGIN")
        if origin is None:
            if environ.get("HTTP_SEC_FETCH_SITE") not in ELSEWHERE:
                return None
            # Requests for pictures, scripts and links have no Origin. The Referer may name the page.
            origin = _origin_of(environ.get("HTTP_REFERER", ""))
        elif _origin_of(origin) == _own_origin(environ):
            return None
        if _origin_of(origin) in self._allowed:
            return None
        return Refusal(FORBIDDEN, _no_pages_of(origin))


def _no_pages_of(origin: str) -> str:
    if "://" not in origin:
        return (
            "This request comes from a web page of another origin and does not name the origin; such requests are "
            "refused. --allow-origin allows only pages whose origin is named"
        )
    return (
        f"This request comes from a web page of {origin}, which is another origin; such requests are refused. "
        f"If the page is yours, start the emulator with --allow-origin {origin}"
    )


def _own_origin(environ: WSGIEnvironment) -> str:
    return _origin_of(f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}")


def _origin_of(url: str) -> str:
    """Return the origin of a URL as browsers write it. The result for other texts is no origin."""
    scheme, separator, rest = url.lower().partition("://")
    host = rest.partition("/")[0]
    return f"{scheme}{separator}{host.removesuffix(DEFAULT_PORTS.get(scheme, ' '))}"


# --- Pages of allowed origins ------------------------------------------------------------------------------


def is_preflight(environ: WSGIEnvironment) -> bool:
    """Whether a request is a preflight: the browser asks which requests a page may send."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def answer_preflight(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Allow the request that a preflight announces."""
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
    """Add the headers with which the browser lets a page of this origin read the answer."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        headers = [
            *headers,
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", "*"),
            ("Vary", "Origin"),
        ]
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return start
