"""``/_ecr/access-keys``: access keys of IAM users with chosen ids and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.request_parsing import find_registry
from ecr_emulator.domain.names import Registry

EXAMPLE = (
    '{"user": "ci", "access_key_id": "AKIAIOSFODNN7EXAMPLE", '
    '"secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "account": "123456789012"}'
)
_ID = re.compile(r"\w{16,128}", re.ASCII)
_SECRET = re.compile(r"[!-~]{1,128}")


class AccessKeys(Protocol):
    """The access keys of IAM."""

    def put(self, account: str, user_name: str, key_id: str, secret: str, /) -> str:
        """Give a user a key; return ``created``, ``changed`` or ``unchanged``.

        Raises ``LookupError`` for an unknown user, and ``ValueError``.
        """


class AccessKeysAdmin:
    """The view."""

    def __init__(self, access_keys: AccessKeys, home: Registry) -> None:
        self._access_keys = access_keys
        self._home = home

    def put(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Give a user of IAM an access key."""
        account = find_registry(given, self._home).id
        user = _text(given, "user", re.compile(r"[\w+=,.@-]{1,64}", re.ASCII), "the name of a user")
        key_id = _text(given, "access_key_id", _ID, "16 to 128 letters, digits and underscores")
        secret = _text(given, "secret_access_key", _SECRET, "1 to 128 printable characters without spaces")
        try:
            status = self._access_keys.put(account, user, key_id, secret)
        except LookupError as absent:
            return jsonify(error=str(absent)), 404
        except ValueError as refused:
            raise BadRequest(str(refused)) from None
        return jsonify(account=account, user=user, access_key_id=key_id, status=status)


def _text(given: Mapping[str, Any], key: str, pattern: re.Pattern[str], expected: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise BadRequest(f"{key} must be {expected}, as text")
    return value
