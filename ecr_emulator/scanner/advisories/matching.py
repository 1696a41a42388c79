"""Match of packages with advisories."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ecr_emulator.domain.packages import Distribution, ImageContents, Package
from ecr_emulator.domain.vulnerabilities import SEVERITIES, Vulnerability
from ecr_emulator.scanner.advisories.ecosystems import ecosystem_keys
from ecr_emulator.scanner.advisories.index_file import Found, find
from ecr_emulator.scanner.advisories.osv import indexed_name, read_time, shown
from ecr_emulator.scanner.advisories.ranges import judge
from ecr_emulator.scanner.advisories.severities import read_ratings, read_scores, severity_of
from ecr_emulator.scanner.packages.files import object_of, text_of

_CVE = re.compile(r"CVE-\d{4}-\d{4,}")
_NVD = "https://nvd.nist.gov/vuln/detail/"
_OSV = "https://osv.dev/vulnerability/"


def match(database: sqlite3.Connection, contents: ImageContents) -> list[Vulnerability]:
    """Return the vulnerabilities of an image's packages, ordered by severity, package and name.

    Several advisories about the same CVE in a package are one vulnerability: the one with scores, if any has.
    """
    best: dict[tuple[str, Package], Vulnerability] = {}
    for package in contents.packages:
        for each in _of_package(database, package, contents.distribution):
            known = best.get((each.name, package))
            if known is None or _preference(each) > _preference(known):
                best[each.name, package] = each
    return sorted(best.values(), key=_place)


def _of_package(
    database: sqlite3.Connection, package: Package, distribution: Distribution | None
) -> Iterator[Vulnerability]:
    for ecosystem in ecosystem_keys(package, distribution):
        for name, version in package.names:
            for found in _found(database, ecosystem, name):
                verdict = judge(found.versions, package.kind, version)
                if verdict.is_affected:
                    yield from _vulnerabilities(found, package, verdict.fixed_in)


def _found(database: sqlite3.Connection, ecosystem: str, name: str) -> Iterable[Found]:
    """Return the advisories about a package. An artifact without a group has none if several groups have one."""
    found = list(find(database, ecosystem, indexed_name(ecosystem, name)))
    return found if len({each.versions.get("group") for each in found}) <= 1 else ()


def _vulnerabilities(found: Found, package: Package, fixed_in: str) -> Iterator[Vulnerability]:
    document, versions = shown(found.document), found.versions
    scores = read_scores(versions.get("severity")) or read_scores(document.get("severity"))
    ratings = read_ratings(
        [*versions.get("severity", ()), *document.get("severity", ())],
        object_of(versions.get("rating")),
        object_of(document.get("database_specific")),
    )
    severity = severity_of(scores, ratings)
    for name in _names(document):
        yield Vulnerability(
            name,
            package,
            severity,
            advisory=document["id"],
            description=document["details"],
            scores=scores,
            fixed_in=fixed_in,
            url=(_NVD if _CVE.fullmatch(name) else _OSV) + name,
            references=tuple(each["url"] for each in document["references"]),
            aliases=tuple(each for each in _aliases(document) if each != name),
            published_at=read_time(document.get("published")),
            modified_at=read_time(document.get("modified")),
        )


def _names(document: Mapping[str, Any]) -> list[str]:
    """Return the CVEs that an advisory is about, or its identifier if it names none."""
    for candidates in ([document["id"]], document.get("aliases"), document.get("upstream"), document.get("related")):
        named = [each for each in candidates or () if _CVE.fullmatch(text_of(each))]
        if named:
            return named
    return [document["id"]]


def _aliases(document: Mapping[str, Any]) -> list[str]:
    return [document["id"], *(each for each in document.get("aliases") or () if text_of(each))]


def _preference(vulnerability: Vulnerability) -> tuple[bool, bool]:
    return bool(vulnerability.scores), bool(vulnerability.fixed_in)


def _place(vulnerability: Vulnerability) -> tuple[int, str, str, str]:
    package = vulnerability.package
    return SEVERITIES.index(vulnerability.severity), package.name, package.path, vulnerability.name
