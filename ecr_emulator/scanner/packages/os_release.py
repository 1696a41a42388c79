"""The name and version of an operating system, from ``os-release``.

https://www.freedesktop.org/software/systemd/man/latest/os-release.html
"""

from __future__ import annotations

import shlex

from ecr_emulator.domain.packages import Distribution

PATHS = ("etc/os-release", "usr/lib/os-release")
"""The paths at which it is found, in the order in which they count. The first is often a link to the second."""


def read_os_release(text: str) -> Distribution | None:
    """Return the distribution that a text describes; None if it has no ``ID``."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            values[key] = _unquoted(value)
    if not values.get("ID"):
        return None
    return Distribution(values["ID"].lower(), values.get("VERSION_ID", ""), values.get("PRETTY_NAME", ""))


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return value.strip("\"'")
