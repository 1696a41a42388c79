"""Names of ecosystems and of releases of distributions, as OSV and ``os-release`` spell them.

https://ossf.github.io/osv-schema/#defined-ecosystems
"""

from __future__ import annotations

import re
from functools import lru_cache

from ecr_emulator.domain.packages import OPERATING_SYSTEM, Distribution, Package
from ecr_emulator.scanner.packages.swift import SWIFT

_DISTRIBUTIONS = {
    "alpaquita": ("Alpaquita", 1),
    "almalinux": ("AlmaLinux", 1),
    "alpine": ("Alpine", 2),
    "amzn": ("Amazon Linux", 1),
    "azurelinux": ("Azure Linux", 1),
    "centos": ("CentOS", 1),
    "chainguard": ("Chainguard", 0),
    "debian": ("Debian", 1),
    "echo": ("Echo", 0),
    "fedora": ("Fedora", 1),
    "mageia": ("Mageia", 1),
    "mariner": ("Azure Linux", 1),
    "minimos": ("MinimOS", 0),
    "ol": ("Oracle Linux", 1),
    "opensuse-leap": ("openSUSE", 2),
    "opensuse-tumbleweed": ("openSUSE Tumbleweed", 0),
    "photon": ("Photon OS", 2),
    "rhel": ("Red Hat", 1),
    "rocky": ("Rocky Linux", 1),
    "sles": ("SUSE", 2),
    "ubuntu": ("Ubuntu", 2),
    "wolfi": ("Wolfi", 0),
}
"""For each ``ID`` of ``os-release``: the name in OSV, and how many numbers of ``VERSION_ID`` name a release.

osv.dev publishes no advisories for Amazon Linux, CentOS, Fedora and Oracle Linux. A folder may have some of its own.
"""
LANGUAGES = frozenset({"PyPI", "npm", "Go", "Maven", "RubyGems", "crates.io", "Packagist", "NuGet", SWIFT})
_KNOWN = LANGUAGES | {name.split(" Tumbleweed")[0] for name, _ in _DISTRIBUTIONS.values()}
_SPELLINGS = (
    (re.compile(r"Ubuntu:(\d+\.\d+)(?::LTS)?"), r"Ubuntu:\1"),
    (re.compile(r"Alpine:v(\d+\.\d+)"), r"Alpine:\1"),
    (re.compile(r"Red Hat:enterprise_linux:(\d+)(?:\.\d+)?(?:::\w+)?"), r"Red Hat:\1"),
    (re.compile(r"SUSE:.* (\d+) SP(\d+)"), r"SUSE:\1.\2"),
    (re.compile(r"SUSE:.* (\d+)"), r"SUSE:\1"),
    (re.compile(r"openSUSE:Leap (\d+\.\d+)"), r"openSUSE:\1"),
    (re.compile(r"openSUSE:Tumbleweed"), "openSUSE Tumbleweed"),
    (re.compile(r"(Amazon Linux|Oracle Linux|Azure Linux|Rocky Linux|AlmaLinux):(\d+)\.\d+"), r"\1:\2"),
)
_EDGE = "_alpha"
"""Part of the version of Alpine's next release, whose advisories are those of ``edge``."""


@lru_cache(maxsize=1024)
def is_known(ecosystem: str) -> bool:
    """Return whether packages of an ecosystem are found in images."""
    return ecosystem.partition(":")[0] in _KNOWN


@lru_cache(maxsize=1024)
def ecosystem_key(ecosystem: str) -> str:
    """Return the name under which advisories of an ecosystem are indexed: without additions to the release.

    Releases for which support is paid (``Ubuntu:Pro:…``, ``…-LTSS``) keep their names, so that no image matches them.
    """
    for pattern, key in _SPELLINGS:
        match = pattern.fullmatch(ecosystem)
        if match:
            return match.expand(key)
    return ecosystem


def distribution_keys(distribution: Distribution) -> tuple[str, ...]:
    """Return the names under which advisories of a distribution are indexed; none if it is unknown."""
    name, numbers = _DISTRIBUTIONS.get(distribution.name, ("", 0))
    if not name:
        return ()
    release = ".".join(distribution.version.split(".")[:numbers])
    if _EDGE in release:
        release = "edge"
    return (f"{name}:{release}", name) if release else (name,)


def ecosystem_keys(package: Package, distribution: Distribution | None) -> tuple[str, ...]:
    """Return the names of the ecosystems whose advisories may be about a package."""
    if package.kind not in OPERATING_SYSTEM:
        return (package.kind,)
    return distribution_keys(distribution) if distribution else ()
