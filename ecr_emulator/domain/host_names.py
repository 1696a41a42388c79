"""Which host names a request may be addressed to.

A web page may have its own host name point at this machine (DNS rebinding): its browser then takes the emulator for a
part of that site and lets the page read every answer. The Host of such a request is the only thing that gives it away.
So only those names are answered that nobody can have in the public DNS, those of AWS, and those that somebody named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

PRIVATE = (
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa", "test",
    "svc",
)  # fmt: skip
"""Suffixes that no public name has: reserved (RFC 6761, 6762, 8375, .internal), never delegated, or Kubernetes' own."""
AWS = (
    "aws", "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "amazonwebservices.com.cn", "amazonwebservices.eu",
    "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov",
)  # fmt: skip
"""The suffixes of AWS's endpoints, which clients find here by /etc/hosts or a proxy."""
REMEMBERED = 1_024

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{0,5})?")


class HostNames:
    """The names that are answered: IP addresses, single labels, private ones, AWS's, and ``named``.

    ``named`` are host names, with or without a port. Those below one of them need ``*.`` before it.
    """

    def __init__(self, named: Iterable[str] = ()) -> None:
        names = [name_in(each.lower().removeprefix("*")) or each.lower() for each in named]
        self._named = frozenset(name for name in names if not name.startswith("."))
        suffixes = (f".{suffix}" for suffix in (*PRIVATE, *AWS))
        self._suffixes = (*suffixes, *(name for name in names if name.startswith(".")))
        self.answers = lru_cache(REMEMBERED)(self._answers)

    def _answers(self, host: str) -> bool:
        """Whether a Host header, with its port, names this emulator."""
        name = name_in(host.lower())
        if not name:
            return False
        return "." not in name or name in self._named or name.endswith(self._suffixes) or _is_address(name)


def name_in(host: str) -> str | None:
    """The name in a Host header, without the port and without the dot of the root; None if it is none."""
    found = _HOST.fullmatch(host)
    return found["name"].removesuffix(".") if found else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
