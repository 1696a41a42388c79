"""Make folders of advisories in the format of OSV, and look for vulnerabilities of packages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecr_emulator.domain.packages import Distribution, ImageContents, Package
from ecr_emulator.domain.vulnerabilities import Vulnerability
from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories

MODIFIED = "2024-05-01T12:00:00Z"
CRITICAL_VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def affected(
    ecosystem: str, name: str, *events: dict[str, str], kind: str = "ECOSYSTEM", **members: Any
) -> dict[str, Any]:
    """Return an element of ``affected``."""
    ranges = {"ranges": [{"type": kind, "events": list(events)}]} if events else {}
    return {"package": {"ecosystem": ecosystem, "name": name}, **ranges, **members}


def fixed(version: str, introduced: str = "0") -> tuple[dict[str, str], dict[str, str]]:
    """Return the events of a range."""
    return {"introduced": introduced}, {"fixed": version}


def advisory(identifier: str, *packages: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a document of OSV."""
    return {"id": identifier, "modified": MODIFIED, "affected": list(packages), **members}


def write(folder: Path, *documents: dict[str, Any]) -> Path:
    """Write documents into a folder, one file each, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        (folder / f"{document['id']}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def indexed(folder: Path, *documents: dict[str, Any]) -> IndexedAdvisories:
    """Return the index of documents, which are written into a folder."""
    advisories = IndexedAdvisories(write(folder / "osv", *documents), folder / "advisories.sqlite")
    advisories.refresh()
    return advisories


def found(
    advisories: IndexedAdvisories, *packages: Package, distribution: tuple[str, str] = ("debian", "12")
) -> Sequence[Vulnerability]:
    """Return the vulnerabilities of packages in an image of a distribution."""
    return advisories.find(ImageContents(Distribution(*distribution), packages))


def package(kind: str, name: str, version: str, **members: str) -> Package:
    """Return a package in some file."""
    return Package(kind, name, version, "where/it/is", **members)
