"""Token services: decide which of them may be asked, and which may get the credential of a rule."""

from __future__ import annotations

from urllib.parse import urlsplit

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of
from ecr_emulator.upstream.redirects import is_private

_SHARED_DOMAINS = ("azurecr.io", "amazonaws.com", "amazonaws.com.cn")
"""Domains whose subdomains belong to different customers."""


def check_realm(realm: str, registry: str, addresses: UpstreamMap) -> bool:
    """Return whether the realm that a registry announces may get its credential.

    It may if the realm and the registry, or the addresses that they are mapped to, belong to the same site. Raises
    ``UpstreamUnavailable`` for a realm that is not asked even anonymously: one that is not a web address, or that is
    not mapped and not encrypted or inside a private network.
    """
    who = addresses.describe(f"https://{registry}")
    own_scheme, own_host, _ = origin_of(addresses.base_url(registry))
    try:
        scheme, host, _ = origin_of(addresses.locate(realm))
    except ValueError:
        raise UpstreamUnavailable(f"{who} names a token realm that is not a web address") from None
    is_at_home = host == own_host and scheme in ("https", own_scheme)
    if not (is_at_home or addresses.reaches(realm)):
        if scheme == "http":
            raise UpstreamUnavailable(f"{who} names a token realm that is not encrypted: {host}")
        if is_private(host):
            raise UpstreamUnavailable(
                f"{who} names a token realm inside a private network, {host}; "
                "put it into the upstream map if that is meant"
            )
    announced = urlsplit(realm).hostname or ""
    return _is_same_site(announced, registry.partition(":")[0]) or _is_same_site(host, own_host)


def _is_same_site(host: str, other: str) -> bool:
    """Return whether two hosts are equal or belong to the same registrable domain."""
    if host.lower() == other.lower():
        return True
    site = _registrable_domain(host.lower())
    return site is not None and site == _registrable_domain(other.lower())


def _registrable_domain(host: str) -> str | None:
    """Return the registrable domain of a host; None for IP addresses and names below a shared domain.

    A label of up to three letters before a country code, as in co.uk, is taken for a part of the public suffix. That
    may trust too few hosts, but not too many.
    """
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host or host.endswith(_SHARED_DOMAINS):
        return None
    has_long_suffix = len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if has_long_suffix else labels[-2:])
