"""Installed Python packages: ``dist-info`` and ``egg-info``.

https://packaging.python.org/en/latest/specifications/recording-installed-packages/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile

PYPI = "PyPI"
PATHS = r".*\.dist-info/METADATA|.*\.egg-info/PKG-INFO|.*\.egg-info|.*/EGG-INFO/PKG-INFO"
_HEAD = 16 * 1024
"""Bytes in which the name and the version are found. The description of the package follows them."""
_SEPARATORS = re.compile(r"[-_.]+")


def read_metadata(file: PackageFile) -> Iterator[Package]:
    """Yield the package that a metadata file describes."""
    fields: dict[str, str] = {}
    for line in file.head(_HEAD).decode(errors="replace").splitlines():
        if not line.strip():
            break
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), value.strip())
    if fields.get("name") and fields.get("version"):
        yield Package(
            PYPI, normalized(fields["name"]), fields["version"], file.path, manager="PYTHONPKG", layer=file.layer
        )


def normalized(name: str) -> str:
    """Return the form of a name in which OSV lists it (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()
