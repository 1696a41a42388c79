"""The check of the Host header. HTTP/1.1 requires exactly one, with a valid host.

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
    """Return the error in the Host header as a sentence; None if there is none. HTTP/1.0 needs no Host header."""
    host = environ.get("HTTP_HOST", "")
    if not host:
        return "An HTTP/1.1 request needs a Host header" if environ.get("SERVER_PROTOCOL") == "HTTP/1.1" else None
    if "," in host:  # servers join repeated headers with a comma
        return f"A request must have one Host header, not several: {host}"
    found = _HOST.fullmatch(host)
    is_right = found and int(found["port"] or 0) <= _LAST_PORT
    return None if is_right else f"The Host header is not a valid host: {host}"
