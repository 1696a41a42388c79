"""Requirements files of pip.

https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile
from ecr_emulator.scanner.packages.python import PYPI, normalized

NAMES = r"requirements\.txt"
_CONTINUED = re.compile(r"\\\r?\n")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*) ?(?:\[[^\]]*\] ?)?"  # with extras
    r"\(?={2,3} ?(?P<version>[\w.!+-]+)\)?"
    r"(?: ?;.*| --.*)?"  # a marker, or options such as hashes
)
"""A line whose spaces are single ones."""


def read_requirements(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of which the file requires one version (``==``). Markers are not evaluated."""
    for line in _CONTINUED.sub(" ", file.utf8_text()).splitlines():
        pinned = _PINNED.fullmatch(" ".join(_COMMENT.sub("", line).split()))
        if pinned:
            yield Package(
                PYPI, normalized(pinned["name"]), pinned["version"], file.path, manager="PIP", layer=file.layer
            )
