"""Forms that change state: their tokens, and the message on the page that follows.

A form has a token that only a page of this emulator could show to this browser: the signature of its session's id.
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

from flask import flash, request
from werkzeug.exceptions import Forbidden

from ecr_emulator.console.sessions import current_parts, session_id

FIELD = "form_token"
LONGEST_MESSAGE = 600
"""Maximum number of characters of a message: it travels in a cookie."""


def form_token() -> str:
    """Return the token of the forms on the current page."""
    return current_parts().services.tokens.sign(_signed_text())


def check_form_token() -> None:
    """Raise ``Forbidden`` unless the current request is a form with the token of its session."""
    if not current_parts().services.tokens.signs(_signed_text(), request.form.get(FIELD, "")):
        raise Forbidden("This form is from an earlier session. Go back, reload the page, and send the form again.")


def say_done(message: str) -> None:
    """Show a sentence about what was done on the next page."""
    flash(_shortened(message), "done")


def say_failed(message: str) -> None:
    """Show a sentence about what failed on the next page."""
    flash(_shortened(message), "failed")


def _shortened(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


def _signed_text() -> str:
    return f"console form {session_id()}"
