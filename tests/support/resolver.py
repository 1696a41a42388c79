"""Resolve host names to addresses that a test chooses, by patching the resolver."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


class Names:
    """The addresses of some names; a list is used up one lookup after the other, its last address for ever.

    ``lookups`` are the names of these that were asked for.
    """

    def __init__(self, **addresses: str | list[str]) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.lookups: list[str] = []
        self._real = socket.getaddrinfo
        for name, given in addresses.items():
            self.say(name.replace("_", "."), given)

    def say(self, name: str, addresses: str | list[str]) -> None:
        """Resolve a name to these addresses from now on."""
        self.addresses[name] = [addresses] if isinstance(addresses, str) else list(addresses)

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **options: Any) -> list[Any]:
        """Answer like ``socket.getaddrinfo``."""
        if host not in self.addresses:
            return self._real(host, port, *args, **options)
        self.lookups.append(host)
        known = self.addresses[host]
        address = known.pop(0) if len(known) > 1 else known[0]
        return [each for part in address.split() for each in self._real(part, port, *args, **options)]


@contextmanager
def resolving(**addresses: str | list[str]) -> Iterator[Names]:
    """Resolve names to addresses: ``cdn_test="10.0.0.5"`` is cdn.test; spaces separate several addresses."""
    names = Names(**addresses)
    with patch("socket.getaddrinfo", names.getaddrinfo):
        yield names
