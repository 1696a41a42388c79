"""Packages of npm: installed ones in ``node_modules``, and the lock files of npm.

https://docs.npmjs.com/cli/configuring-npm/package-lock-json
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_in, object_of, text_of

NPM = "npm"
INSTALLED_PATHS = r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/@][^/]*/package\.json"
LOCK_NAMES = r"(?:package-lock|npm-shrinkwrap|\.package-lock)\.json"
_MAX_DEPTH = 100
"""Maximum depth of dependencies within dependencies in lock files of version 1."""


def read_installed(file: PackageFile) -> Iterator[Package]:
    """Yield the package that a ``package.json`` describes."""
    document = file.json()
    yield from _package(file, text_of(document.get("name")), document)


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, except those that only developers need."""
    document = file.json()
    if "packages" in document:
        for path, package in object_in(document, "packages").items():
            name = path.rpartition("node_modules/")[2]
            if name and "node_modules/" in path:
                yield from _locked(file, name, object_of(package))
        return
    yield from _nested(file, object_in(document, "dependencies"), 0)


def is_in_node_modules(file: PackageFile) -> bool:
    """Return whether a file belongs to an installed package, which may bring the lock file of its own development."""
    return "node_modules" in file.path.split("/")


def _nested(file: PackageFile, dependencies: dict[str, Any], depth: int) -> Iterator[Package]:
    for name, dependency in dependencies.items():
        yield from _locked(file, name, object_of(dependency))
        if depth < _MAX_DEPTH:
            yield from _nested(file, object_of(object_of(dependency).get("dependencies")), depth + 1)


def _locked(file: PackageFile, name: str, package: dict[str, Any]) -> Iterator[Package]:
    if not package.get("dev") and not package.get("link"):
        yield from _package(file, text_of(package.get("name")) or name, package)


def _package(file: PackageFile, name: str, document: dict[str, Any]) -> Iterator[Package]:
    version = text_of(document.get("version"))
    if name and version:
        manager = "NPM" if file.path.endswith(("lock.json", "shrinkwrap.json")) else "NODEPKG"
        yield Package(NPM, name, version, file.path, manager=manager, layer=file.layer)
