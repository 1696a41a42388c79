"""The session of a browser: a signed cookie with the id of the session and the access key that signed in.

The cookie is no secret from its owner, and contains no secret.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app, request, session
from flask.sessions import SecureCookieSessionInterface

from ecr_emulator.console.parts import ConsoleParts

PARTS = "ecr_emulator.console"
SESSION_ID = "id"


class SessionCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, for this emulator alone.

    Browsers send cookies to all ports of a host, so its name contains the port: two emulators on one machine must not
    overwrite each other's. They let no page of HTTP replace a cookie of HTTPS, so the name also contains the scheme.
    """

    def get_cookie_name(self, app: Flask) -> str:
        port = request.host.rpartition(":")[2]
        return "_".join(("ecr_emulator", request.scheme, *((port,) if port.isdecimal() else ())))

    def get_cookie_path(self, app: Flask) -> str:
        return "/_ecr"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_cookie_httponly(self, app: Flask) -> bool:
        return True

    def get_cookie_samesite(self, app: Flask) -> str:
        return "Strict"


def current_parts() -> ConsoleParts:
    """Return the parts of the emulator that answers the current request."""
    return cast(ConsoleParts, current_app.extensions[PARTS])


def session_id() -> str:
    """Return the id of the browser's session, which begins with the first page that needs it."""
    if SESSION_ID not in session:
        session[SESSION_ID] = current_parts().services.ids.uuid()
    return str(session[SESSION_ID])
