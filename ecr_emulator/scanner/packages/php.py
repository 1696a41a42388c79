"""PHP packages: ``composer.lock``, and the packages that Composer has installed.

https://getcomposer.org/doc/01-basic-usage.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ecr_emulator.domain.packages import Package
from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile, objects_in, objects_of, text_of

PACKAGIST = "Packagist"
LOCK_NAMES = r"composer\.lock"
INSTALLED_PATHS = r"(?:.*/)?composer/installed\.json"


def read_packages(file: PackageFile) -> Iterator[Package]:
    """Yield the packages of a lock file or of ``installed.json``, which in Composer 1 is an array."""
    try:
        document = json.loads(file.document())
    except (ValueError, RecursionError) as failure:
        raise UnreadableFile(f"it is no JSON document: {failure}") from failure
    if not isinstance(document, dict | list):
        raise UnreadableFile("it is neither a JSON object nor an array")
    for package in objects_of(document) if isinstance(document, list) else objects_in(document, "packages"):
        name, version = text_of(package.get("name")), text_of(package.get("version"))
        if name and version:
            yield Package(
                PACKAGIST, name.lower(), version.removeprefix("v"), file.path, manager="COMPOSER", layer=file.layer
            )
