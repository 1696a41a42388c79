"""Redirects of upstreams, which must not lead the emulator to addresses that only the emulator can reach."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_INSIDE = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("fec0::/10"))
"""Private networks that ``ipaddress`` takes for global: local NAT64, and site-local addresses."""
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


def redirect_target(url: str, location: str, addresses: UpstreamMap, who: str = "") -> str:
    """Return the URL that a Location header means. Raises ``UpstreamUnavailable`` for one that is not followed.

    ``who`` names the host of the URL in error messages, if its own name does not say enough.
    """
    try:
        target = urljoin(url, location)
        refusal = _refusal(url, target, addresses)
    except ValueError:
        target, refusal = location, "which is not a web address"
    if refusal:
        # The query may hold a signature.
        raise UpstreamUnavailable(
            f"{who or addresses.describe(url)} redirects to {target.partition('?')[0]}, {refusal}"
        )
    return target


def is_private(host: str) -> bool:
    """Return whether a host is localhost or an IP address, in any notation, that is not public."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = _address(name)
    except ValueError:
        return False
    is_inside = any(address in network for network in _INSIDE if address.version == network.version)
    return is_inside or not address.is_global or address.is_multicast


def _refusal(url: str, target: str, addresses: UpstreamMap) -> str | None:
    origin = origin_of(addresses.locate(target))
    current = origin_of(addresses.locate(url))
    if origin == current or addresses.reaches(target):
        return None
    if current[0] == "https" and origin[0] == "http":
        return "which is not encrypted"
    if is_private(origin[1]):
        return "an address inside a private network; put it into the upstream map if that is meant"
    return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return the IP address of a literal, also in the old IPv4 forms of the C library: 127.1, 0x7f000001."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            raise ValueError(host) from None
    return (_ipv4_inside(address) if isinstance(address, ipaddress.IPv6Address) else None) or address


def _ipv4_inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that is embedded in an IPv6 address, by NAT64, mapping or 6to4; or None."""
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
