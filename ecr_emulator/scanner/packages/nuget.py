""".NET packages: ``*.deps.json`` beside programs, and ``packages.lock.json``.

https://learn.microsoft.com/nuget/consume-packages/package-references-in-project-files
"""

from __future__ import annotations

from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_of, text_of

NUGET = "NuGet"
DEPENDENCIES_PATHS = r".*\.deps\.json"
LOCK_PATHS = r"(?:.*/)?packages\.lock\.json"


def read_dependencies(file: PackageFile) -> Iterator[Package]:
    """Yield the packages that a program was built with."""
    for library, description in object_of(file.json().get("libraries")).items():
        name, _, version = library.partition("/")
        if text_of(object_of(description).get("type")) == "package" and name and version:
            yield Package(NUGET, name, version, file.path, manager="DOTNET_CORE", layer=file.layer)


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, for all frameworks."""
    for framework in object_of(file.json().get("dependencies")).values():
        for name, dependency in object_of(framework).items():
            version = text_of(object_of(dependency).get("resolved"))
            if version:
                yield Package(NUGET, name, version, file.path, manager="NUGET", layer=file.layer)
