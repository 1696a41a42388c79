"""Packages of Alpine and its relatives: the database of installed packages of apk.

https://wiki.alpinelinux.org/wiki/Apk_spec
"""

from __future__ import annotations

from collections.abc import Iterator

from ecr_emulator.domain.packages import APK, Package
from ecr_emulator.scanner.packages.files import PackageFile

PATHS = r"(?:usr/)?lib/apk/db/installed"
_NAME, _VERSION, _ARCHITECTURE, _ORIGIN = "P:", "V:", "A:", "o:"
_FIELDS = {_NAME, _VERSION, _ARCHITECTURE, _ORIGIN}


def read_installed(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of the database."""
    fields: dict[str, str] = {}
    for line in file.lines():
        if not line:
            yield from _package(fields, file)
            fields = {}
        elif line[:2] in _FIELDS:
            fields[line[:2]] = line[2:].strip()
    yield from _package(fields, file)


def _package(fields: dict[str, str], file: PackageFile) -> Iterator[Package]:
    if _NAME in fields and _VERSION in fields:
        yield Package(
            APK,
            fields[_NAME],
            fields[_VERSION],
            file.path,
            architecture=fields.get(_ARCHITECTURE, ""),
            source_name=fields.get(_ORIGIN, ""),
            layer=file.layer,
        )
