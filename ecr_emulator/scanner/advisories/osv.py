"""Documents of OSV: one advisory each, with the packages that it is about.

https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ecr_emulator.scanner.advisories.ecosystems import LANGUAGES, ecosystem_key, is_known
from ecr_emulator.scanner.packages.files import object_of, objects_of, text_of
from ecr_emulator.scanner.packages.swift import SWIFT, repository_name

_MAX_DETAILS = 4096
_MAX_REFERENCES = 30
_MAVEN = "Maven"
_MEMBERS = ("id", "published", "modified", "aliases", "upstream", "related", "severity")
_SEVERITY_MEMBERS = ("severity", "urgency", "priority")


class Advisory(NamedTuple):
    """An advisory. ``document`` is its document of OSV. A withdrawn advisory affects no package."""

    identifier: str
    modified: str
    document: dict[str, Any]
    affected: list[Affected]


class Affected(NamedTuple):
    """A package that an advisory is about. ``versions`` has what decides whether a version of it is affected.

    An artifact of Maven is also listed without its group, because many archives do not name theirs.
    """

    ecosystem: str
    name: str
    versions: dict[str, Any]


def read_advisory(text: bytes) -> Advisory:
    """Return the advisory of a document. Raises ``ValueError`` for a damaged one."""
    try:
        document = json.loads(text)
    except RecursionError as failure:
        raise ValueError("it is nested too deeply") from failure
    if not isinstance(document, dict) or not text_of(document.get("id")):
        raise ValueError("it has no 'id'")
    entries = [] if "withdrawn" in document else document.get("affected", [])
    if not isinstance(entries, list):
        raise ValueError("its 'affected' is no array")
    return Advisory(document["id"], text_of(document.get("modified")), document, list(_affected(entries)))


def shown(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the members that findings show, and nothing else."""
    details = text_of(document.get("details")) or text_of(document.get("summary"))
    references = [text_of(each.get("url")) for each in objects_of(document.get("references"))]
    return {
        **{name: document[name] for name in _MEMBERS if name in document},
        "details": details[:_MAX_DETAILS],
        "references": [{"url": url} for url in references if url][:_MAX_REFERENCES],
        "database_specific": _severity_of(document.get("database_specific")),
    }


def _affected(entries: list[Any]) -> Iterator[Affected]:
    for entry in objects_of(entries):
        package = object_of(entry.get("package"))
        ecosystem, name = text_of(package.get("ecosystem")), text_of(package.get("name"))
        versions = _versions(entry, ecosystem in LANGUAGES)
        if not (is_known(ecosystem) and name and versions):
            continue
        yield Affected(ecosystem_key(ecosystem), indexed_name(ecosystem, name), versions)
        if ecosystem == _MAVEN:
            group, _, artifact = name.partition(":")
            yield Affected(_MAVEN, f":{artifact}", versions | {"group": group})


def indexed_name(ecosystem: str, name: str) -> str:
    """Return the form in which the name of a package is indexed. Some ecosystems do not distinguish its case."""
    if ecosystem == SWIFT:
        name = repository_name(name) or name
    return name.lower() if ecosystem in ("NuGet", "Packagist", SWIFT) else name


def read_time(text: Any) -> datetime | None:
    """Return a time of OSV, which is of UTC; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _versions(entry: dict[str, Any], with_list: bool) -> dict[str, Any]:
    """Return what decides about versions. Distributions list versions that their ranges contain; these are left out."""
    ranges = [
        {"type": each["type"], "events": events}
        for each in objects_of(entry.get("ranges"))
        if each.get("type") in ("ECOSYSTEM", "SEMVER") and (events := _events(each.get("events")))
    ]
    versions = entry.get("versions") if with_list or not ranges else None
    listed = [each for each in versions if isinstance(each, str)] if isinstance(versions, list) else []
    found = ({"ranges": ranges} if ranges else {}) | ({"versions": listed} if listed else {})
    if not found:
        return {}
    severity = objects_of(entry.get("severity"))
    rating = _severity_of(entry.get("ecosystem_specific")) | _severity_of(entry.get("database_specific"))
    return found | ({"severity": severity} if severity else {}) | ({"rating": rating} if rating else {})


def _events(events: Any) -> list[dict[str, str]]:
    return [{kind: text for kind, text in each.items() if isinstance(text, str)} for each in objects_of(events)]


def _severity_of(members: Any) -> dict[str, str]:
    if not members:
        return {}
    found = {name: text_of(object_of(members).get(name)) for name in _SEVERITY_MEMBERS}
    return {name: text for name, text in found.items() if text}
