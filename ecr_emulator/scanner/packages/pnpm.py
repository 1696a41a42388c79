"""Lock files of pnpm, versions 5 to 9.

https://github.com/pnpm/spec/tree/master/lockfile
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile, object_in, object_of, text_of
from ecr_emulator.scanner.packages.npm import NPM, is_in_node_modules
from ecr_emulator.scanner.packages.yaml_documents import documents_of

NAMES = r"pnpm-lock\.yaml"
_NAME = r"(?P<name>(?:@[^/@]+/)?[^/@]+)"
_KEY_OF_5 = re.compile(rf"[^/@]*/{_NAME}/(?P<version>\d[^/_]*)(?:_.*)?")
"""``/name/version``, with a registry before it and peers behind it, if they are special."""
_KEY = re.compile(rf"(?:[^/@(]*/)?{_NAME}@(?P<version>[^(]+)(?:\(.*\))?")
"""``name@version``, likewise. Until version 6 it begins with a slash. The version may be an address instead."""
_PRODUCTION = ("dependencies", "optionalDependencies")


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, except those that only developers need.

    pnpm 11 writes its own packages into a document before that of the project.
    """
    if is_in_node_modules(file):
        return
    for document in documents_of(file.utf8_text()):
        version = _version(document)
        packages = object_in(document, "packages")
        needed = _needed(document) if version >= 7 else {key for key in packages if not _is_dev(packages[key])}
        for key, value in packages.items():
            if key in needed:
                yield from _package(file, (_KEY if version >= 6 else _KEY_OF_5).fullmatch(key), object_of(value))


def _version(document: dict[str, Any]) -> float:
    try:
        return float(text_of(document.get("lockfileVersion")))
    except ValueError as failure:
        raise UnreadableFile("it has no lockfileVersion of pnpm") from failure


def _is_dev(package: Any) -> bool:
    return text_of(object_of(package).get("dev")) == "true"


def _package(file: PackageFile, key: re.Match[str] | None, package: dict[str, Any]) -> Iterator[Package]:
    """Yield a package. If it does not come from a registry, its members have what the key does not say."""
    fields = key.groupdict() if key else {}
    name = text_of(package.get("name")) or fields.get("name", "")
    version = text_of(package.get("version")) or fields.get("version", "")
    if name and version[:1].isdigit() and "directory" not in object_of(package.get("resolution")):
        yield Package(NPM, name, version, file.path, manager="NPM", layer=file.layer)


def _needed(document: dict[str, Any]) -> set[str]:
    """Return the keys of the packages that the projects need in production, directly or not.

    Since version 7 the packages do not say it. ``snapshots`` has the dependencies of each, with peers in its keys.
    """
    snapshots = object_in(document, "snapshots")
    projects = object_of(document.get("importers", {".": document})).values()
    waiting = [key for project in projects for key in _dependencies(object_of(project))]
    needed: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in needed:
            needed.add(key)
            waiting += _dependencies(object_of(snapshots.get(key)))
    return needed | {key.partition("(")[0] for key in needed}


def _dependencies(dependent: dict[str, Any]) -> Iterator[str]:
    """Yield the keys that dependencies may have. The version of a package under another name is a key itself."""
    for group in _PRODUCTION:
        for name, dependency in object_of(dependent.get(group)).items():
            version = text_of(dependency) or text_of(object_of(dependency).get("version"))
            yield from (f"{name}@{version}", version)
