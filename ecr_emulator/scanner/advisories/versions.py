"""Comparison of versions by the rules of their ecosystems.

The rules are those of univers and packaging, which follow the programs of each ecosystem.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from ecr_emulator.domain.packages import APK, DPKG, RPM
from ecr_emulator.scanner.packages.swift import SWIFT

SEMVER = "SEMVER"
"""The name of the rules of Semantic Versioning, as OSV has it in the type of a range."""
_SNAPSHOT = re.compile(r"_(cvs|svn|git|hg)(?=\d|-|$)")
_SNAPSHOTS = {"cvs": "_p0_alpha", "svn": "_p0_beta", "git": "_p0_pre", "hg": "_p0_rc"}
"""Suffixes of apk for snapshots after a release, before ``_p``, in this order. univers does not know them."""
_LEADING_ZEROS = re.compile(r"^0+(?=\d)")
_PATCH = re.compile(r"[-_.]?(?:patch|pl|p)[-_.]?(?=\d|$)")


@lru_cache(maxsize=4096)
def parse_version(rules: str, text: str) -> Any:
    """Return a value that ``<`` compares with others of the same rules; None for a text that is no such version.

    ``rules`` is the kind of a package, or ``SEMVER``.
    """
    try:
        return _parsers()[rules](text)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        return None


@cache
def _parsers() -> dict[str, Callable[[str], Any]]:
    from packaging.version import Version
    from univers import versions

    return {
        DPKG: versions.DebianVersion,
        APK: lambda text: versions.AlpineLinuxVersion(_known_to_gentoo(text)),
        RPM: versions.RpmVersion,
        "PyPI": Version,
        "npm": versions.SemverVersion,
        "Go": versions.SemverVersion,
        "crates.io": versions.SemverVersion,
        SWIFT: versions.SemverVersion,
        SEMVER: versions.SemverVersion,
        "Maven": versions.MavenVersion,
        "RubyGems": versions.RubygemsVersion,
        "Packagist": lambda text: Version(_PATCH.sub(".post", text.lower())),
        "NuGet": versions.NugetVersion,
    }


def _known_to_gentoo(text: str) -> str:
    """Return a version of apk in the grammar of Gentoo, by whose rules univers compares it."""
    return _SNAPSHOT.sub(lambda match: _SNAPSHOTS[match[1]], _LEADING_ZEROS.sub("", text))
