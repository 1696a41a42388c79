"""The result of a scan in words."""

from __future__ import annotations

from typing import NamedTuple

from ecr_emulator.domain.scanning import COMPLETE, FAILED, Scan

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")
"""The severities of findings, the worst first."""
BAD, WARNING = ("CRITICAL", "HIGH"), ("MEDIUM",)


class ScanWords(NamedTuple):
    """A scan in a few words, with a class of the stylesheet: ``good``, ``warn``, ``bad`` or none."""

    words: str
    look: str


def scan_words(scan: Scan) -> ScanWords:
    """Return a scan in words: its status, or the number of its findings by severity."""
    if scan.status == FAILED:
        return ScanWords("failed", "warn")
    if scan.status != COMPLETE:
        return ScanWords(scan.status.replace("_", " ").lower(), "")
    counts = scan.severity_counts
    if not counts:
        return ScanWords("no findings", "good")
    found = [severity for severity in SEVERITIES if severity in counts]
    look = "bad" if found[0] in BAD else "warn" if found[0] in WARNING else ""
    return ScanWords(", ".join(f"{counts[severity]} {severity.lower()}" for severity in found[:2]), look)
