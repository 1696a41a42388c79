"""Lock files of Pipenv.

https://pipenv.pypa.io/en/latest/pipfile.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, object_in, object_of, text_of
from ecr_emulator.scanner.packages.python import PYPI, normalized

NAMES = r"Pipfile\.lock"


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file, except those that only developers need, and those without a version."""
    for name, package in object_in(file.json(), "default").items():
        version = text_of(object_of(package).get("version")).lstrip("= ")
        if name and version:
            yield Package(PYPI, normalized(name), version, file.path, manager="PIPENV", layer=file.layer)
