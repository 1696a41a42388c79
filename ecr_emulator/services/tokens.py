"""Authorization tokens and signatures of URLs, which stay valid after a restart.

A token carries its account, Region, principal, session and time of issue, so that a docker client has the permissions
of the API caller who requested the token. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry

TOKEN_LIFE = timedelta(hours=12)
USERNAME = "AWS"
REMEMBERED = 256


class TokenExpired(Exception):
    """The token was issued more than 12 hours ago."""


class _WrongSignature(Exception):
    """The password is not one that was issued with this key."""


class Bearer(NamedTuple):
    """The caller that a password was issued to, and when it expires."""

    caller: Caller
    expires_at: datetime


class Tokens:
    """Issues and verifies passwords for registry clients, signed with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._bearer = lru_cache(REMEMBERED)(self._verified)

    def issue(self, caller: Caller, now: datetime) -> tuple[str, datetime]:
        """Return a password for user ``AWS``, and when it expires."""
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

    def bearer(self, password: str, now: datetime) -> Bearer | None:
        """Return the caller of a password; None if its signature is wrong. Raises ``TokenExpired``.

        The signature of each of the last ``REMEMBERED`` passwords is verified once.
        """
        try:
            bearer = self._bearer(password)
        except _WrongSignature:
            return None
        if now >= bearer.expires_at:
            raise TokenExpired
        return bearer

    def _verified(self, password: str) -> Bearer:
        payload, _, signature = password.partition(".")
        if not self.signs(payload, signature):
            raise _WrongSignature  # an exception, since lru_cache does not remember those
        claims = json.loads(_decoded(payload))
        caller = Caller(Registry(claims["account"], claims["region"]), claims["principal"], claims.get("session"))
        return Bearer(caller, datetime.fromtimestamp(claims["issued"] / 1000, UTC) + TOKEN_LIFE)

    def sign(self, text: str) -> str:
        """Return the signature of a text, for tokens and URLs."""
        return _encoded(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def signs(self, text: str, signature: str) -> bool:
        """Return whether ``sign`` returns this signature for the text."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def read_basic(credentials: str) -> str | None:
    """Return the password in the credentials of an ``Authorization: Basic`` header; None unless the user is ``AWS``."""
    try:
        username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    return password if username == USERNAME else None


def basic_token(password: str) -> str:
    """Return the ``authorizationToken`` for a password, which can follow ``Authorization: Basic``."""
    return base64.b64encode(f"{USERNAME}:{password}".encode()).decode()


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
