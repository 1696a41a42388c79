"""Sign in, and find the caller of a page.

A browser signs in with what the emulator asks of programs: the token of ``--admin-token``, and with ``--iam enforce``
an access key. Where neither is set, every page is open, and its caller is the root user of the account that it shows.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ecr_emulator.console.forms import check_form_token, form_token
from ecr_emulator.console.parts import ConsoleParts
from ecr_emulator.console.sessions import current_parts
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry, is_account_id
from ecr_emulator.ports.identities import AccessKey
from ecr_emulator.request_log import NOTE

blueprint = Blueprint("sign_in", __name__, url_prefix="/_ecr/console")

OPERATOR, ACCESS_KEY = "is_operator", "access_key"
"""Keys of the session: whether the token was right, and the id of the access key that signed in."""
START = "/_ecr/"


class SignInNeeded(HTTPException):
    """Leads to the page on which a browser signs in, and from there back to the page that it asked for."""

    def get_response(self, environ: object = None, scope: object = None) -> ResponseReturnValue:  # type: ignore[override]
        """Return the redirection."""
        asked = request.full_path.rstrip("?") if request.method == "GET" else START
        return redirect(url_for("sign_in.sign_in", next=asked), 303)


class _Wrong(Exception):
    """The user has typed something wrong. The message says what."""


class _Owner(NamedTuple):
    """The owner of an access key. ``session_key`` is the key itself if it belongs to a session of STS."""

    account: str
    principal_arn: str | None = None
    session_key: str | None = None

    def caller(self, region: str) -> Caller:
        """Return the owner as the caller of a page about a Region."""
        registry = Registry(self.account, region)
        if self.principal_arn is None:
            return Caller.root_of(registry)
        return Caller(registry, self.principal_arn, self.session_key)


def needs_sign_in(parts: ConsoleParts) -> bool:
    """Return whether pages are for browsers that have signed in."""
    return parts.admin_token is not None or parts.services.access is not None


def has_signed_in() -> bool:
    """Return whether the session of the browser says that it has signed in. What it signed in with may have expired."""
    parts = current_parts()
    is_operator = parts.admin_token is None or bool(session.get(OPERATOR))
    return is_operator and (parts.services.access is None or ACCESS_KEY in session)


def find_caller(registry: Registry) -> Caller:
    """Return the caller of the current page, which is about a registry. Raises ``SignInNeeded``."""
    parts = current_parts()
    if parts.admin_token is not None and not session.get(OPERATOR):
        raise SignInNeeded
    if parts.services.access is None:
        return Caller.root_of(registry)
    owner = _owner_signed_in(parts)
    if owner is None:
        raise SignInNeeded
    return owner.caller(registry.region)


def home_of_caller() -> Registry:
    """Return the registry of the first page that a browser sees. Raises ``SignInNeeded`` if the account is unknown."""
    parts = current_parts()
    home = parts.services.home
    if parts.services.access is None:
        return home
    owner = _owner_signed_in(parts)
    if owner is None:
        raise SignInNeeded
    return Registry(owner.account, home.region)


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Show the form, if there is something to sign in with."""
    return _page() if needs_sign_in(current_parts()) else redirect(START, 303)


@blueprint.post("/sign-in")
def check() -> ResponseReturnValue:
    """Sign in, and go to the page that was asked for."""
    check_form_token()
    try:
        signed_in = _checked(current_parts())
    except _Wrong as wrong:
        request.environ[NOTE] = {"reason": str(wrong)}
        return _page(str(wrong)), 403
    session.clear()
    session.update(signed_in)
    return redirect(_next_address(), 303)


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Forget who signed in."""
    check_form_token()
    session.clear()
    return redirect(START, 303)


def _page(error: str | None = None) -> str:
    parts = current_parts()
    return render_template(
        "sign_in.html",
        token=form_token(),
        next=_next_address(),
        asks_token=parts.admin_token is not None,
        asks_key=parts.services.access is not None,
        access_key=request.form.get("access_key", ""),
        error=error,
    )


def _next_address() -> str:
    """Return the address within the console that comes after the sign-in."""
    asked = request.values.get("next", START)
    is_ours = asked.startswith("/_ecr/console/") and not set(asked) & set("\\\r\n")
    return asked if is_ours else START


def _checked(parts: ConsoleParts) -> dict[str, object]:
    """Return the entries of the session of a browser that has sent the right values. Raises ``_Wrong``."""
    entries: dict[str, object] = {}
    if parts.admin_token is not None:
        if not hmac.compare_digest(_typed("admin_token").encode(), parts.admin_token.encode()):
            raise _Wrong("This is not the token that the emulator was started with (--admin-token).")
        entries[OPERATOR] = True
    if parts.services.access is not None:
        entries[ACCESS_KEY] = _checked_access_key(parts)
    return entries


def _checked_access_key(parts: ConsoleParts) -> str:
    access_key = _typed("access_key")
    if is_account_id(access_key):
        return access_key
    known = parts.identities.find_key(access_key)
    if known is None:
        raise _Wrong("IAM and STS know no active access key with this id. A number of twelve digits is an account.")
    if not hmac.compare_digest(_typed("secret_key").encode(), known.secret.encode()):
        raise _Wrong("The secret access key does not belong to this access key.")
    if not hmac.compare_digest(_typed("session_token").encode(), (known.session_token or "").encode()):
        raise _Wrong("The session token does not belong to this access key.")
    if _has_ended(known, parts):
        raise _Wrong("The session of this access key has expired.")
    return access_key


def _typed(name: str) -> str:
    return request.form.get(name, "").strip()


def _owner_signed_in(parts: ConsoleParts) -> _Owner | None:
    """Return the owner of the access key that signed in; None if there is none, or if it is no longer valid."""
    access_key = str(session.get(ACCESS_KEY, ""))
    if is_account_id(access_key):
        return _Owner(access_key)
    known = parts.identities.find_key(access_key) if access_key else None
    if known is None or _has_ended(known, parts):
        return None
    return _Owner(known.account, known.principal_arn, access_key if known.session_token else None)


def _has_ended(known: AccessKey, parts: ConsoleParts) -> bool:
    return known.expires_at is not None and parts.clock.now() >= known.expires_at
