"""The kinds of values that settings have, with a parser for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecr_emulator.domain import names
from ecr_emulator.domain.addresses import STYLES
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.storage.blobs.s3_place import SCHEME, S3Place, read_place


class InvalidPart(ValueError):
    """The part of a value that is wrong, and why, where that is not plain from what is expected."""


@dataclass(frozen=True)
class Kind:
    """One kind of value. Every source of settings gives texts, and ``read`` parses each text.

    ``expects`` completes "must be …"; ``placeholder`` stands for the value in ``--help``. ``toml`` lists the types that
    a TOML file may use beside lists. A switch is a flag without a value. ``gather`` combines the values of a setting
    that may be repeated: repeated flags, commas in the environment, arrays in TOML, or a table for a dictionary. A
    secret value is never printed, not even in an error.
    """

    expects: str
    placeholder: str
    read: Callable[[str], Any]
    toml: tuple[type, ...] = (str,)
    is_switch: bool = False
    is_secret: bool = False
    gather: Callable[[Iterable[Any]], Any] | None = None

    def value_of(self, texts: list[str]) -> Any:
        """Parse the texts of one source. Raises ValueError, and InvalidPart among them."""
        values = [self.read(text) for text in texts]
        return self.gather(values) if self.gather else values[0]

    def texts_in(self, variable: str) -> list[str]:
        """Return the texts in an environment variable."""
        return [part.strip() for part in variable.split(",")] if self.gather else [variable]

    def texts_from(self, toml: Any) -> list[str]:
        """Return the texts of a TOML value. Raises ValueError if its type is wrong."""
        if self.gather is dict and isinstance(toml, dict):
            toml = [f"{name}={value}" for name, value in toml.items()]
        parts = toml if self.gather and isinstance(toml, list) else [toml]
        if any(isinstance(part, bool) != self.is_switch or not isinstance(part, self.toml) for part in parts):
            raise ValueError("of a wrong type")
        return [str(part).lower() if self.is_switch else str(part) for part in parts]


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return read


def whole(low: int, high: int) -> Kind:
    """Return the kind of whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {low} to {high}", "N", read, toml=(int,))


def _switch(text: str) -> bool:
    return {"true": True, "false": False}[_matching("true|false")(text)]


def one_of(*choices: str) -> Kind:
    """Return the kind whose values are these words."""
    return Kind(f"one of {', '.join(choices)}", "|".join(choices), _matching("|".join(choices)))


def _at_least_one(values: Iterable[str]) -> tuple[str, ...]:
    given = tuple(values)
    if not given:
        raise ValueError("none given")
    return given


def _seconds(text: str) -> float:
    return float(_matching(r"[0-9]{1,9}(\.[0-9]+)?")(text))


def _directory(text: str) -> Path:
    try:
        return Path(_matching("(?s).+")(text)).expanduser()
    except RuntimeError:  # the home directory is unknown
        raise ValueError(text) from None


def _blobs(text: str) -> Path | S3Place:
    if text.startswith(SCHEME):
        try:
            return read_place(text)
        except ValueError as wrong:
            raise InvalidPart(str(wrong)) from None
    if "://" in text or text.startswith("s3:"):
        raise ValueError(text)
    return _directory(text)


def _vulnerabilities(text: str) -> Path:
    path = _directory(text)
    if not (path.is_dir() or (path.is_file() and path.suffix == ".zip")):
        raise ValueError(text)
    return path


def _upstream(text: str) -> tuple[str, str]:
    host, _, url = _matching(r"[^\s=/]+=https?://[^\s,/]\S*")(text).partition("=")
    return host, url


def _webhook(text: str) -> str:
    url = urlsplit(_matching(r"https?://[^\s/?#]\S*")(text))
    if not url.hostname or url.port == 0:  # reading the port raises ValueError for a wrong one
        raise ValueError(text)
    return text


ADDRESSES = Kind("an address or host name", "HOST", _matching(r"[^\s/]+"), gather=_at_least_one)
DIRECTORY = Kind("a directory", "DIR", _directory)
DATABASE = Kind(
    "the URI of a PostgreSQL database, like postgresql://user@host/name",
    "postgresql://…",
    _matching(r"postgres(ql)?://\S*"),
    is_secret=True,
)
BLOBS = Kind(
    "a directory or s3://bucket/prefix, with ?endpoint=URL&region=REGION&addressing=path if need be", "PLACE", _blobs
)
VULNERABILITIES = Kind("an existing folder, or a zip file", "PATH", _vulnerabilities)
PATHS = Kind("the path of a file or a folder", "PATH", _directory, gather=tuple)
ACCOUNT = Kind("an account: 12 digits, as text", "DIGITS", _matching(names.ACCOUNT_ID))
REGION = Kind("a Region, like eu-west-1", "REGION", _matching(names.REGION))
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?"
PUBLIC_HOST = Kind("a host name, with a port if need be, like ecr.test:4566", "HOST[:PORT]", _matching(_HOST))
UPSTREAM_HOSTS = Kind(
    "the host of a registry, with a port if need be, like docker.elastic.co",
    "HOST[:PORT]",
    _matching(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"),
    gather=tuple,
)
HOST_NAMES = Kind(
    "a host name without a port, like ecr.example.com, or *.example.com for all below it",
    "NAME",
    _matching(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?"),
    gather=tuple,
)
ORIGINS = Kind(
    "the origin of web pages, like http://localhost:3000",
    "ORIGIN",
    _matching(rf"[A-Za-z][A-Za-z0-9+.-]*://{_HOST}"),
    gather=tuple,
)
TOKEN = Kind(
    "a token: 8 or more of the letters and digits of ASCII and - . _ ~ + / =",
    "TOKEN",
    _matching(r"[A-Za-z0-9._~+/=-]{8,}"),
    is_secret=True,
)
UPSTREAMS = Kind("host=url, like registry-1.docker.io=http://127.0.0.1:5000", "HOST=URL", _upstream, gather=dict)
WEBHOOKS = Kind("an http or https URL", "URL", _webhook, is_secret=True, gather=tuple)
SWITCH = Kind("true or false", "", _switch, toml=(bool,), is_switch=True)
SECONDS = Kind("a number of seconds", "SECONDS", _seconds, toml=(int, float))
URI_STYLE = one_of(*STYLES)


def at_home(path: str) -> Path:
    """Return a path in the user's home directory. It keeps its ``~`` if the home is unknown, as in some containers."""
    from_home = Path("~", path)
    try:
        return from_home.expanduser()
    except RuntimeError:
        return from_home
