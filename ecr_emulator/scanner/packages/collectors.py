"""The names and paths of files that list packages, each with the function that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ecr_emulator.domain.packages import APK, DPKG, RPM, Package
from ecr_emulator.scanner.layers.entries import Entry
from ecr_emulator.scanner.packages import (
    apk,
    dpkg,
    go_mod,
    java,
    npm,
    nuget,
    php,
    pipenv,
    pnpm,
    poetry,
    pom,
    python,
    requirements,
    rpm,
    ruby,
    rust,
    swift,
    uv,
    yarn,
)
from ecr_emulator.scanner.packages.files import PackageFile
from ecr_emulator.scanner.packages.programs import read_program

_LEAST_PROGRAM = 4096
"""Size of the smallest program that is read."""


class Collector(NamedTuple):
    """A regular expression for the whole names or paths of files, and the reader of these files.

    ``database_of`` names the package manager of an operating system whose packages the file lists all.
    """

    pattern: str
    read: Callable[[PackageFile], Iterator[Package]]
    database_of: str = ""


_PROGRAMS = Collector("", read_program)
_BY_NAME = (
    Collector(requirements.NAMES, requirements.read_requirements),
    Collector(pipenv.NAMES, pipenv.read_lock),
    Collector(poetry.NAMES, poetry.read_lock),
    Collector(uv.NAMES, uv.read_lock),
    Collector(npm.LOCK_NAMES, npm.read_lock),
    Collector(yarn.NAMES, yarn.read_lock),
    Collector(pnpm.NAMES, pnpm.read_lock),
    Collector(go_mod.NAMES, go_mod.read_module),
    Collector(java.NAMES, java.read_archive),
    Collector(pom.NAMES, pom.read_project),
    Collector(ruby.LOCK_NAMES, ruby.read_lock),
    Collector(rust.LOCK_NAMES, rust.read_lock),
    Collector(swift.NAMES, swift.read_lock),
    Collector(php.LOCK_NAMES, php.read_packages),
    Collector(nuget.DEPENDENCIES_NAMES, nuget.read_dependencies),
    Collector(nuget.LOCK_NAMES, nuget.read_lock),
    Collector(nuget.CONFIG_NAMES, nuget.read_config),
    Collector(nuget.PROJECT_NAMES, nuget.read_project),
)
_BY_PATH = (
    Collector(dpkg.PATHS, dpkg.read_status, DPKG),
    Collector(apk.PATHS, apk.read_installed, APK),
    Collector(rpm.SQLITE_PATHS, rpm.read_sqlite, RPM),
    Collector(rpm.NDB_PATHS, rpm.read_ndb, RPM),
    Collector(rpm.BERKELEY_PATHS, rpm.read_berkeley, RPM),
    Collector(python.PATHS, python.read_metadata),
    Collector(npm.INSTALLED_PATHS, npm.read_installed),
    Collector(ruby.SPECIFICATION_PATHS, ruby.read_specification),
    Collector(php.INSTALLED_PATHS, php.read_packages),
)


def _compiled(collectors: tuple[Collector, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<n{number}>{each.pattern})" for number, each in enumerate(collectors)))


_NAME = _compiled(_BY_NAME)
_PATH = _compiled(_BY_PATH)


def collector_of(entry: Entry) -> Collector | None:
    """Return the collector that reads a file; None if the file lists no packages. Executable files may be programs."""
    name = entry.path.rpartition("/")[2]
    for collectors, match in ((_BY_PATH, _PATH.fullmatch(entry.path)), (_BY_NAME, _NAME.fullmatch(name))):
        if match and match.lastgroup:
            return collectors[int(match.lastgroup[1:])]
    return _PROGRAMS if entry.is_executable and entry.size >= _LEAST_PROGRAM else None
