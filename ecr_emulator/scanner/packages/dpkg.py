"""Packages of Debian and its relatives: dpkg's status file, and ``status.d`` of distroless images.

https://manpages.debian.org/stable/dpkg-dev/deb-control.5.en.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import DPKG, Package
from ecr_emulator.scanner.packages.files import PackageFile

PATHS = r"var/lib/dpkg/status|var/lib/dpkg/status\.d/[^/]+(?<!\.md5sums)"
_FIELDS = {"Package", "Version", "Architecture", "Source", "Status"}
_SOURCE = re.compile(r"(\S+)(?:\s+\((.+)\))?")


def read_status(file: PackageFile) -> Iterator[Package]:
    """Yield the installed packages of a status file. Files of ``status.d`` have no ``Status``."""
    fields: dict[str, str] = {}
    for line in file.lines():
        if not line.strip():
            yield from _package(fields, file)
            fields = {}
            continue
        name, _, value = line.partition(":")
        if name in _FIELDS:
            fields[name] = value.strip()
    yield from _package(fields, file)


def _package(fields: dict[str, str], file: PackageFile) -> Iterator[Package]:
    state = fields.get("Status", "install ok installed").split()
    if "Package" not in fields or "Version" not in fields or state[-1:] != ["installed"]:
        return
    source = _SOURCE.match(fields.get("Source", ""))
    yield Package(
        DPKG,
        fields["Package"],
        fields["Version"],
        file.path,
        architecture=fields.get("Architecture", ""),
        source_name=source[1] if source else "",
        source_version=(source[2] or "") if source else "",
        layer=file.layer,
    )
