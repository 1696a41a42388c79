"""Installed Ruby gems: their specifications, and ``Gemfile.lock``.

https://guides.rubygems.org/specification-reference/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile

RUBYGEMS = "RubyGems"
SPECIFICATION_PATHS = r".*/specifications/(?:.*/)?[^/]+\.gemspec"
LOCK_NAMES = r"Gemfile\.lock"
_HEAD = 64 * 1024
_NAME = re.compile(r"""^\s*\w+\.name\s*=\s*["']([\w.-]+)["']""", re.MULTILINE)
_VERSION = re.compile(r"""^\s*\w+\.version\s*=\s*(?:Gem::Version\.new[( ])?["']([\w.-]+)["']""", re.MULTILINE)
_LOCKED = re.compile(r" {4}([\w.-]+) \(([^)-]+)(?:-[^)]+)?\)")
"""A gem with its version. A platform may follow the version."""


def read_specification(file: PackageFile) -> Iterator[Package]:
    """Yield the gem that a specification describes. The specification is a program; it is not run."""
    text = file.head(_HEAD).decode(errors="replace")
    name, version = _NAME.search(text), _VERSION.search(text)
    if name and version:
        yield Package(RUBYGEMS, name[1], version[1], file.path, manager="GEMSPEC", layer=file.layer)


def read_lock(file: PackageFile) -> Iterator[Package]:
    """Yield the gems of a ``Gemfile.lock``."""
    for line in file.lines():
        locked = _LOCKED.fullmatch(line)
        if locked:
            yield Package(RUBYGEMS, locked[1], locked[2], file.path, manager="BUNDLER", layer=file.layer)
