""".NET packages: ``*.deps.json`` beside programs, ``packages.lock.json``, ``packages.config`` and C# projects.

https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files
https://learn.microsoft.com/nuget/reference/packages-config
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_in, object_of, text_of
from ecr_emulator.scanner.packages.xml_documents import read_document

NUGET = "NuGet"
DEPENDENCIES_NAMES = r".*\.deps\.json"
LOCK_NAMES = r"packages\.lock\.json"
CONFIG_NAMES = r"packages\.config"
PROJECT_NAMES = r".*\.csproj"
_RESOLVED = re.compile(r"\[?(\d[\w.+-]*)\]?")
"""One version. NuGet takes the lowest version that a project allows, so a single one is what it takes."""


def read_dependencies(file: PackageFile) -> Iterator[Package]:
    """Yield the packages that a program was built with."""
    for library, description in object_in(file.json(), "libraries").items():
        name, _, version = library.partition("/")
        if text_of(object_of(description).get("type")) == "package" and name and version:
            yield Package(NUGET, name, version, file.path, manager="DOTNET_CORE", layer=file.layer)


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, for all frameworks."""
    for framework in object_in(file.json(), "dependencies").values():
        for name, dependency in object_of(framework).items():
            version = text_of(object_of(dependency).get("resolved"))
            if version:
                yield Package(NUGET, name, version, file.path, manager="NUGET", layer=file.layer)


def read_config(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a ``packages.config``, except those that only developers need."""
    for package in read_document(file).iterfind("package"):
        if package.get("developmentDependency") != "true":
            yield from _resolved(file, package.get("id", ""), package.get("version", ""))


def read_project(file: PackageFile) -> Iterator[Package]:
    """Yield the packages to which a project refers by one version."""
    for reference in read_document(file).iterfind("ItemGroup/PackageReference"):
        version = reference.get("Version", "") or reference.findtext("Version", "").strip()
        yield from _resolved(file, reference.get("Include", ""), version)


def _resolved(file: PackageFile, name: str, version: str) -> Iterator[Package]:
    resolved = _RESOLVED.fullmatch(version)
    if name and resolved:
        yield Package(NUGET, name, resolved[1], file.path, manager="NUGET", layer=file.layer)
