"""The paths at which packages are listed, each with the function that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ecr_emulator.domain.packages import APK, DPKG, RPM, Package
from ecr_emulator.scanner.layers.entries import Entry
from ecr_emulator.scanner.packages import apk, dpkg, java, npm, nuget, php, python, rpm, ruby, rust
from ecr_emulator.scanner.packages.files import PackageFile
from ecr_emulator.scanner.packages.programs import read_program

_LEAST_PROGRAM = 4096
"""Size of the smallest program that is read."""


class Collector(NamedTuple):
    """A pattern of whole paths, and the reader of these files.

    ``database_of`` names the package manager of an operating system whose packages the file lists all.
    """

    paths: str
    read: Callable[[PackageFile], Iterator[Package]]
    database_of: str = ""


_PROGRAMS = Collector("", read_program)
_COLLECTORS = (
    Collector(dpkg.PATHS, dpkg.read_status, DPKG),
    Collector(apk.PATHS, apk.read_installed, APK),
    Collector(rpm.SQLITE_PATHS, rpm.read_sqlite, RPM),
    Collector(rpm.NDB_PATHS, rpm.read_ndb, RPM),
    Collector(rpm.BERKELEY_PATHS, rpm.refuse_berkeley, RPM),
    Collector(python.PATHS, python.read_metadata),
    Collector(npm.INSTALLED_PATHS, npm.read_installed),
    Collector(npm.LOCK_PATHS, npm.read_lock),
    Collector(java.PATHS, java.read_archive),
    Collector(ruby.SPECIFICATION_PATHS, ruby.read_specification),
    Collector(ruby.LOCK_PATHS, ruby.read_lock),
    Collector(rust.LOCK_PATHS, rust.read_lock),
    Collector(php.PATHS, php.read_packages),
    Collector(nuget.DEPENDENCIES_PATHS, nuget.read_dependencies),
    Collector(nuget.LOCK_PATHS, nuget.read_lock),
)
_ANY = re.compile("|".join(f"(?P<n{number}>{each.paths})" for number, each in enumerate(_COLLECTORS)))


def collector_of(entry: Entry) -> Collector | None:
    """Return the collector that reads a file; None if the file lists no packages. Executable files may be programs."""
    match = _ANY.fullmatch(entry.path)
    if match and match.lastgroup:
        return _COLLECTORS[int(match.lastgroup[1:])]
    return _PROGRAMS if entry.is_executable and entry.size >= _LEAST_PROGRAM else None
