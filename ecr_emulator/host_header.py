"""The Host of a request, which HTTP/1.1 demands: one, and one that may be a host.

https://www.rfc-editor.org/rfc/rfc9112#section-3.2
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~%!$&'()*+;=-]+)(?::(?P<port>[0-9]{0,5}))?")
_LAST_PORT = 65_535


def wrong_host(environ: WSGIEnvironment) -> str | None:
    """Say what is wrong with the Host header; None if nothing is. HTTP/1.0 does without."""
    host = environ.get("HTTP_HOST", "")
    if not host:
        return "A request of HTTP/1.1 has a Host header" if environ.get("SERVER_PROTOCOL") == "HTTP/1.1" else None
    if "," in host:  # so servers join the lines of a header
        return f"A request has one Host header, not several: {host}"
    found = _HOST.fullmatch(host)
    is_right = found and int(found["port"] or 0) <= _LAST_PORT
    return None if is_right else f"The Host header is no host: {host}"
