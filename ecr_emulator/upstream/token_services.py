"""The token services that may be asked for a token, and those that may see the credential of a rule."""

from __future__ import annotations

from urllib.parse import urlsplit

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.addresses import UpstreamMap, origin_of
from ecr_emulator.upstream.redirects import is_private

_SHARED_DOMAINS = ("azurecr.io", "amazonaws.com", "amazonaws.com.cn")
"""Domains below which every name belongs to somebody else."""


def check_realm(realm: str, registry: str, addresses: UpstreamMap) -> bool:
    """Whether the realm that a registry announces may see its credential.

    It may if its host, or the address that stands in for it, belongs to the same site as the registry or the
    address that stands in for that. Raises ``UpstreamUnavailable`` for a realm that is not even asked
    anonymously: no web address, not encrypted, or inside a private network without being mapped.
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
    """Whether two hosts have one owner, as far as names tell: equal, or under one registrable domain."""
    if host.lower() == other.lower():
        return True
    site = _registrable_domain(host.lower())
    return site is not None and site == _registrable_domain(other.lower())


def _registrable_domain(host: str) -> str | None:
    """The part of a name that somebody registered; None for IP addresses and names below a shared domain.

    A short label before a country (co.uk) is taken for a public suffix: rather too narrow than too wide.
    """
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host or host.endswith(_SHARED_DOMAINS):
        return None
    has_long_suffix = len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if has_long_suffix else labels[-2:])
