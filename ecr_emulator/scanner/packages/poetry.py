"""Lock files of Poetry.

https://python-poetry.org/docs/basic-usage/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_of, objects_in, text_of
from ecr_emulator.scanner.packages.python import PYPI, normalized
from ecr_emulator.scanner.packages.toml_documents import read_document

NAMES = r"poetry\.lock"
_MAIN = "main"


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, except those of the project itself and those that only developers need."""
    for package in objects_in(read_document(file), "package"):
        name, version = text_of(package.get("name")), text_of(package.get("version"))
        is_local = object_of(package.get("source")).get("type") == "directory"
        if name and version and _is_needed(package) and not is_local:
            yield Package(PYPI, normalized(name), version, file.path, manager="POETRY", layer=file.layer)


def _is_needed(package: dict[str, Any]) -> bool:
    """Return whether a package is needed in production. Poetry 1.5 to 1.8 do not say it."""
    groups = package.get("groups")
    return _MAIN in groups if isinstance(groups, list) else package.get("category", _MAIN) == _MAIN
