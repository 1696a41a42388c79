"""Known vulnerabilities of the packages of an image."""

from __future__ import annotations

from datetime import datetime

from ecr_emulator.domain.packages import Package
from ecr_emulator.quick_dataclasses import dataclass

CRITICAL = "CRITICAL"
HIGH = "HIGH"
MEDIUM = "MEDIUM"
LOW = "LOW"
INFORMATIONAL = "INFORMATIONAL"
UNDEFINED = "UNDEFINED"
SEVERITIES = (CRITICAL, HIGH, MEDIUM, LOW, INFORMATIONAL, UNDEFINED)
"""The severities of ECR, the worst first."""


@dataclass(frozen=True, slots=True)
class Score:
    """A score of CVSS, from 0 to 10, with the version of CVSS (``3.1``) and the vector that it was computed from."""

    version: str
    score: float
    vector: str


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A vulnerability of one package of an image.

    ``name`` is the number of the CVE, or else the identifier of the advisory. ``advisory`` is the identifier of the
    document of OSV that says so. ``fixed_in`` is the lowest version without the vulnerability that is later than the
    installed one; empty if there is none.
    """

    name: str
    package: Package
    severity: str
    advisory: str
    description: str = ""
    scores: tuple[Score, ...] = ()
    fixed_in: str = ""
    url: str = ""
    references: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    published_at: datetime | None = None
    modified_at: datetime | None = None
