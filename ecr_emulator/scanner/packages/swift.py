"""Lock files of Swift's package manager, versions 1 to 3: ``Package.resolved``.

https://docs.swift.org/swiftpm/documentation/packagemanagerdocs/resolvingpackageversions
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile, object_in, object_of, objects_of, text_of

SWIFT = "SwiftURL"
NAMES = r"Package\.resolved"
_CHECKOUTS = ".build/checkouts/"
"""The folder with the sources of dependencies. A lock file there is about the development of that dependency."""
_ADDRESS = re.compile(r"(?:\w+://)?(?:[^@/]+@)?(?P<host>\w[^/:]*)(?::\d+)?[:/](?P<path>.+?)(?:\.git)?/?")


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file that have a version and a repository. It does not say who needs them."""
    if _CHECKOUTS in file.path:
        return
    document = file.json()
    holder = object_in(document, "object") if "object" in document else document
    if not isinstance(holder.get("pins"), list):
        raise UnreadableFile("it has no array 'pins'")
    for pin in objects_of(holder["pins"]):
        name, version = repository_name(_address(pin)), text_of(object_of(pin.get("state")).get("version"))
        if name and version:
            yield Package(SWIFT, name, version, file.path, manager="", layer=file.layer)


def repository_name(address: str) -> str:
    """Return the name of a package in OSV, its address without scheme and suffix: ``github.com/apple/swift-nio``.

    The name is empty if the address is that of a local folder.
    """
    match = _ADDRESS.fullmatch(address)
    return f"{match['host']}/{match['path']}" if match and "." in match["host"] else ""


def _address(pin: dict[str, Any]) -> str:
    """Return the address of a package. A package of a registry has none."""
    return text_of(pin.get("location")) or text_of(pin.get("repositoryURL"))
