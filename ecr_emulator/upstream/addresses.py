"""Addresses of upstream hosts: their own names, or the addresses that the operator maps them to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d+)?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Return the scheme, host and port of an http or https URL. Raises ``ValueError`` for any other text."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in _DEFAULT_PORTS or not host:
        raise ValueError(f"not an http or https URL: {url}")
    return scheme, host, parts.port or _DEFAULT_PORTS[scheme]


class UpstreamMap:
    """The base URLs that replace hosts. A host that is not mapped is reached by https under its own name.

    The map applies to upstream registries, their token services and the targets of their redirects, so that a local
    upstream can announce public names.
    """

    def __init__(self, addresses: Mapping[str, str] | None = None) -> None:
        """``addresses`` maps a host to a base URL such as ``http://127.0.0.1:5999``. Raises ``ValueError``."""
        self._given = {host.lower(): _checked(host, base) for host, base in (addresses or {}).items()}
        self.lead_only({})

    def __contains__(self, host: object) -> bool:
        """Tell whether an address stands in for a host."""
        return isinstance(host, str) and host.lower() in self._bases

    @property
    def led(self) -> Mapping[str, str]:
        """The base URLs of the hosts for which ``lead`` has named one."""
        return self._led

    def lead(self, host: str, base: str) -> None:
        """Have a base URL stand in for a host from now on, until ``release``. Raises ``ValueError``."""
        self.lead_only(self._led | {host.lower(): _checked(host, base)})

    def release(self, host: str) -> None:
        """Reach a host as at the start again."""
        self.lead_only({each: base for each, base in self._led.items() if each != host.lower()})

    def lead_only(self, bases: dict[str, str]) -> None:
        """Have these base URLs stand in for hosts, and reach all others as at the start."""
        self._led = bases
        self._bases = self._given | bases
        self._origins = frozenset(map(origin_of, self._bases.values()))

    @classmethod
    def parse(cls, entries: Iterable[str]) -> UpstreamMap:
        """Read entries such as ``registry-1.docker.io=http://127.0.0.1:5999``. Raises ``ValueError``."""
        addresses: dict[str, str] = {}
        for entry in entries:
            host, base = (part.strip() for part in entry.lower().partition("=")[::2])
            if host in addresses:
                raise ValueError(f"upstream map entry {entry!r}: {host} is mapped twice")
            addresses[host] = base
        return cls(addresses)

    def base_url(self, host: str) -> str:
        """Return the base URL at which a host is reached, without a slash at the end."""
        return self._bases.get(host.lower(), f"https://{host}")

    def locate(self, url: str) -> str:
        """Return the URL to connect to for a URL whose host may be mapped."""
        parts = urlsplit(url)
        base = self._bases.get(parts.netloc.lower())
        return url if base is None else base + parts._replace(scheme="", netloc="").geturl()

    def reaches(self, url: str) -> bool:
        """Return whether the host of a URL is mapped, or is an address that a host is mapped to."""
        return self.leads_to(origin_of(self.locate(url)))

    def leads_to(self, origin: Origin) -> bool:
        """Return whether a host is mapped to this origin."""
        return origin in self._origins

    def stand_in(self, host: str) -> str | None:
        """Return the base URL that a host is mapped to; None if it is not mapped."""
        return self._bases.get(host.lower())

    def describe(self, url: str) -> str:
        """Return the host of a URL for people, with the address that it is mapped to."""
        host = urlsplit(url).netloc
        base = self._bases.get(host.lower())
        return host if base is None else f"{host} ({base})"


def _checked(host: str, base: str) -> str:
    try:
        origin_of(base)
        parts = urlsplit(base)
        is_base = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        is_base = False
    if not (_HOST.fullmatch(host) and is_base):
        raise ValueError(
            f"upstream map entry {f'{host}={base}'!r}: expected host=http://address:port or "
            "host=https://address:port, for example registry-1.docker.io=http://127.0.0.1:5999"
        )
    return base.rstrip("/")
