"""Divide long lists into pages. Each page has the token of the next one.

A token contains the key of the last item that was sent, so items that are added or removed between two pages neither
repeat nor hide others. It also contains a hash of the query, so it is valid for this query only.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from ecr_emulator.control.request import EcrRequest
from ecr_emulator.errors import InvalidParameterException

DEFAULT_LIMIT = 100
PAGING = ("maxResults", "nextToken")

_HASH_SIZE = 9
_INVALID = "Member must be the nextToken of an earlier answer to the same request"

Item = TypeVar("Item")


class Page:
    """One page of a list: at most ``limit`` items whose keys are greater than ``after``."""

    def __init__(self, request: EcrRequest, members: dict[str, Any], default_limit: int = DEFAULT_LIMIT) -> None:
        """Read the paging members of a request. Raises ``InvalidParameterException`` for a token of another query."""
        self.limit: int = members.get("maxResults", default_limit)
        self._request = request
        self._members = members
        token = members.get("nextToken")
        self.after = self._key(token) if token else ""

    def cut(self, found: list[Item], key: Callable[[Item], str]) -> tuple[list[Item], str | None]:
        """Return the items of the page, and the token of the next page if there is one.

        ``found`` begins after ``after``. One item more than ``limit`` shows that there is a next page.
        """
        items = found[: self.limit]
        return items, self._token(key(items[-1])) if len(found) > self.limit else None

    def choose(self, everything: list[Item], key: Callable[[Item], str]) -> tuple[list[Item], str | None]:
        """Return the items of the page and the token of the next page, out of a whole list in the order of its keys."""
        return self.cut([item for item in everything if key(item) > self.after], key)

    @cached_property
    def _hash(self) -> bytes:
        query = {member: value for member, value in self._members.items() if member not in PAGING}
        registry = self._request.registry
        text = json.dumps([self._request.operation, registry.id, registry.region, query], sort_keys=True)
        return hashlib.sha256(text.encode()).digest()[:_HASH_SIZE]

    def _token(self, key: str) -> str:
        return base64.urlsafe_b64encode(self._hash + key.encode()).decode()

    def _key(self, token: str) -> str:
        try:
            decoded = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
            if decoded[:_HASH_SIZE] == self._hash:
                return decoded[_HASH_SIZE:].decode()
        except ValueError:
            pass
        raise InvalidParameterException.at("nextToken", _INVALID)


def check_no_paging(members: dict[str, Any], member: str) -> None:
    """Raise ``InvalidParameterException`` if a request with an explicit list in ``member`` also has paging members."""
    for paging in PAGING:
        if paging in members:
            raise InvalidParameterException.at(paging, f"{paging} cannot be used with {member}")
