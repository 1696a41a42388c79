"""Lock files of uv.

https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_in, object_of, objects_in, objects_of, text_of
from ecr_emulator.scanner.packages.python import PYPI, normalized
from ecr_emulator.scanner.packages.toml_documents import read_document

NAMES = r"uv\.lock"
_EXTRAS = "optional-dependencies"
_LOCAL = ("virtual", "editable", "directory")
"""Sources of packages that are folders of the project."""

_Wanted: TypeAlias = tuple[str, str, str]
"""The name, the version and an extra of a package. An empty version is any; an empty extra is the package itself."""


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, except those of the project itself and those that only developers need."""
    document = read_document(file)
    packages = objects_in(document, "package")
    for package in _needed(packages, _projects(document, packages)):
        name, version = _name_of(package), text_of(package.get("version"))
        if name and version and not _is_local(package):
            yield Package(PYPI, name, version, file.path, manager="PIP", layer=file.layer)


def _name_of(package: dict[str, Any]) -> str:
    return normalized(text_of(package.get("name")))


def _is_local(package: dict[str, Any]) -> bool:
    return any(kind in object_of(package.get("source")) for kind in _LOCAL)


def _projects(document: dict[str, Any], packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the project, or the members of its workspace."""
    members = object_in(document, "manifest").get("members")
    if isinstance(members, list):
        names = {normalized(text_of(member)) for member in members}
        return [package for package in packages if _name_of(package) in names and _is_local(package)]
    return [package for package in packages if "." in object_of(package.get("source")).values()]


def _needed(packages: list[dict[str, Any]], projects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the packages that the projects, with all their extras, need in production, directly or not.

    Without a project, as in the lock file of a script, nothing says who needs a package, and all of them count.
    """
    if not projects:
        return packages
    offers: dict[_Wanted, list[int]] = {}
    for number, package in enumerate(packages):
        for wanted in _offered(package):
            offers.setdefault(wanted, []).append(number)
    waiting = [wanted for project in projects for wanted in _offered(project)]
    seen: set[_Wanted] = set()
    needed: set[int] = set()
    while waiting:
        wanted = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        for number in offers.get(wanted, ()):
            needed.add(number)
            waiting += _dependencies(packages[number], wanted[2])
    return [packages[number] for number in sorted(needed)]


def _offered(package: dict[str, Any]) -> Iterator[_Wanted]:
    name, version = _name_of(package), text_of(package.get("version"))
    for extra in ("", *object_of(package.get(_EXTRAS))):
        yield from {(name, "", extra), (name, version, extra)}


def _dependencies(package: dict[str, Any], extra: str) -> Iterator[_Wanted]:
    """Yield what a package, or one of its extras, needs. A dependency has a version if there are several."""
    members = object_of(package.get(_EXTRAS)).get(extra) if extra else package.get("dependencies")
    for dependency in objects_of(members):
        asked = dependency.get("extra")
        for each in ("", *(asked if isinstance(asked, list) else ())):
            yield _name_of(dependency), text_of(dependency.get("version")), text_of(each)
