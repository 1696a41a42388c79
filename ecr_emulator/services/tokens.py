"""Authorization tokens and signed URLs: what we issue, we recognise, also after a restart.

A token carries its account, Region, principal, session and time of issue, so that a docker client is decided like the
API caller who asked for the token. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry

TOKEN_LIFE = timedelta(hours=12)
USERNAME = "AWS"


class TokenExpired(Exception):
    """A token that we issued, more than 12 hours ago."""


class Tokens:
    """Issues and recognises passwords for registry clients, signed with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, caller: Caller, now: datetime) -> tuple[str, datetime]:
        """A password for user ``AWS``, and when it expires."""
        claims = {
            "account": caller.registry.id,
            "region": caller.registry.region,
            "principal": caller.principal_arn,
            "issued": _milliseconds(now),
        }
        if caller.session_key:
            claims["session"] = caller.session_key
        payload = _encoded(json.dumps(claims, separators=(",", ":")).encode())
        return f"{payload}.{self.sign(payload)}", now + TOKEN_LIFE

    def caller(self, password: str, now: datetime) -> Caller | None:
        """Who a password was issued to; None if we did not issue it. Raises ``TokenExpired``."""
        payload, _, signature = password.partition(".")
        if not hmac.compare_digest(self.sign(payload).encode(), signature.encode()):
            return None
        claims = json.loads(_decoded(payload))
        if now >= datetime.fromtimestamp(claims["issued"] / 1000, UTC) + TOKEN_LIFE:
            raise TokenExpired
        return Caller(Registry(claims["account"], claims["region"]), claims["principal"], claims.get("session"))

    def sign(self, text: str) -> str:
        """A signature over some text, for tokens and for URLs."""
        return _encoded(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def signs(self, text: str, signature: str) -> bool:
        """Whether this is our signature over the text."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def read_basic(credentials: str) -> str | None:
    """The password in the credentials of an ``Authorization: Basic`` header; None unless the user is ``AWS``."""
    try:
        username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    return password if username == USERNAME else None


def basic_token(password: str) -> str:
    """The ``authorizationToken`` that carries a password: ready to follow ``Authorization: Basic``."""
    return base64.b64encode(f"{USERNAME}:{password}".encode()).decode()


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
