"""The result of a scan in words."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.domain.enhanced_findings import UNTRIAGED
from ecr_emulator.domain.enhanced_scan import SCAN_ELIGIBILITY_EXPIRED
from ecr_emulator.domain.scanning import ACTIVE, COMPLETE, FAILED, Scan
from ecr_emulator.domain.vulnerabilities import SEVERITIES as BASIC_SEVERITIES

SEVERITIES = (*BASIC_SEVERITIES, UNTRIAGED)
"""The severities of findings, the worst first."""
BAD, WARNING = ("CRITICAL", "HIGH"), ("MEDIUM",)


class ScanWords(NamedTuple):
    """A scan in a few words, with a class of the stylesheet: ``good``, ``warn``, ``bad`` or none."""

    words: str
    look: str


def scan_words(scan: Scan) -> ScanWords:
    """Return a scan in words: its status, or the number of its findings by severity."""
    if scan.status in (FAILED, SCAN_ELIGIBILITY_EXPIRED):
        return ScanWords(scan.status.replace("_", " ").lower(), "warn")
    if scan.status not in (COMPLETE, ACTIVE) or scan.completed_at is None:
        return ScanWords(scan.status.replace("_", " ").lower(), "")
    counts = scan.severity_counts
    if not counts:
        return ScanWords("no findings", "good")
    found = [severity for severity in SEVERITIES if severity in counts]
    look = "bad" if found[0] in BAD else "warn" if found[0] in WARNING else ""
    return ScanWords(", ".join(f"{counts[severity]} {severity.lower()}" for severity in found[:2]), look)
