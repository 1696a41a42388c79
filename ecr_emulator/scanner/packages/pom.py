"""Dependencies of Maven projects: ``pom.xml``.

https://maven.apache.org/pom.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile
from ecr_emulator.scanner.packages.java import MAVEN
from ecr_emulator.scanner.packages.xml_documents import read_document

NAMES = r"pom\.xml"
_RESOLVED = re.compile(r"\[?(\d[\w.+-]*)\]?")
"""One version, neither a range nor a property."""


def read_project(file: PackageFile) -> Iterator[Package]:
    """Yield the dependencies of one version, except those of tests. Nothing is resolved: no property, no parent."""
    for dependency in read_document(file).iterfind("dependencies/dependency"):
        group, artifact, version, scope = (
            dependency.findtext(name, "").strip() for name in ("groupId", "artifactId", "version", "scope")
        )
        resolved = _RESOLVED.fullmatch(version)
        if group and artifact and resolved and scope != "test":
            yield Package(MAVEN, f"{group}:{artifact}", resolved[1], file.path, manager="POM", layer=file.layer)
