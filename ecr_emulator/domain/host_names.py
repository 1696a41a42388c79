"""The host names that the emulator answers to.

The owner of a web page can point the page's own host name at this machine (DNS rebinding). The browser then takes the
emulator for a part of that site and lets the page read every answer. Only the Host header of such a request shows the
attack. So the emulator answers only to names that nobody can own in the public DNS, to names of AWS, and to names in
the settings.
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
"""The suffixes of AWS's endpoints. Clients reach the emulator under such names by /etc/hosts or by a proxy."""
REMEMBERED = 1_024

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{0,5})?")


class HostNames:
    """The host names that the emulator answers to: IP addresses, single labels, private names, AWS's, and ``named``.

    ``named`` are host names with or without a port; ``*.`` before a name stands for all names below it.
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
    """Return the name in a Host header without the port and the trailing dot; None if it has no valid name."""
    found = _HOST.fullmatch(host)
    return found["name"].removesuffix(".") if found else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
