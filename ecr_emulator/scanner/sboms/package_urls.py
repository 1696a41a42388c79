"""Package URLs, by which SBOMs name packages.

https://github.com/package-url/purl-spec
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from ecr_emulator.domain.packages import APK, DPKG, RPM, Distribution, Package
from ecr_emulator.scanner.packages.python import normalized
from ecr_emulator.scanner.packages.swift import SWIFT

_KINDS = {
    "deb": (DPKG, "OS"),
    "apk": (APK, "OS"),
    "rpm": (RPM, "OS"),
    "pypi": ("PyPI", "PYTHONPKG"),
    "npm": ("npm", "NODEPKG"),
    "golang": ("Go", "GOBINARY"),
    "maven": ("Maven", "JAR"),
    "gem": ("RubyGems", "GEMSPEC"),
    "cargo": ("crates.io", "CARGO"),
    "composer": ("Packagist", "COMPOSER"),
    "nuget": ("NuGet", "NUGET"),
    "swift": (SWIFT, ""),
}
_URL = re.compile(r"pkg:/*(?P<type>[\w.+-]+)/(?P<path>[^@?#]+)@(?P<version>[^?#]+)(?:\?(?P<qualifiers>[^#]*))?(?:#.*)?")
_SOURCE_RPM = re.compile(r"(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm")


class Named(NamedTuple):
    """A package, and the distribution that its URL names."""

    package: Package
    distribution: Distribution | None


def read_package_url(url: str, document: str) -> Named | None:
    """Return the package that a URL names; None for one of an ecosystem without advisories.

    ``document`` is the name of the SBOM that has the URL.
    """
    match = _URL.fullmatch(url)
    if match is None or match["type"].lower() not in _KINDS:
        return None
    kind, manager = _KINDS[match["type"].lower()]
    qualifiers = dict(parse_qsl(match["qualifiers"] or ""))
    namespace, _, name = unquote(match["path"]).rpartition("/")
    version = unquote(match["version"])
    if qualifiers.get("epoch", "0") != "0":
        version = f"{qualifiers['epoch']}:{version}"
    source, source_version = _source(kind, qualifiers.get("upstream", ""))
    package = Package(
        kind,
        _full_name(kind, namespace, name),
        version.removeprefix("v") if kind in ("Go", "Packagist") else version,
        document,
        manager=manager,
        architecture=qualifiers.get("arch", ""),
        source_name=source,
        source_version=source_version,
    )
    return Named(package, _distribution(qualifiers.get("distro", "")))


def _full_name(kind: str, namespace: str, name: str) -> str:
    if kind == "Maven":
        return f"{namespace}:{name}"
    if kind == "PyPI":
        return normalized(name)
    has_namespace = namespace and kind in ("npm", "Go", "Packagist", SWIFT)
    return f"{namespace}/{name}" if has_namespace else name


def _source(kind: str, upstream: str) -> tuple[str, str]:
    """Return the name and the version of the source package in ``upstream``, as Syft writes it."""
    if kind == RPM:
        match = _SOURCE_RPM.fullmatch(upstream)
        return (match[1], match[2]) if match else ("", "")
    name, _, version = upstream.partition("@")
    return name, version


def _distribution(text: str) -> Distribution | None:
    name, _, version = text.rpartition("-")
    return Distribution(name, version) if name else None
