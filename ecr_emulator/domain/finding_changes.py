"""Changes between the findings of two enhanced scans of an image. Findings are JSON (``enhanced_findings``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

CLOSED = "CLOSED"
"""The status of a finding whose vulnerability is gone, or whose image is not scanned any more."""
_TIMES_OF_SCANS = frozenset({"firstObservedAt", "lastObservedAt", "updatedAt"})


def with_earlier_times(
    findings: Iterable[dict[str, Any]], earlier: Iterable[dict[str, Any]]
) -> tuple[dict[str, Any], ...]:
    """Return findings with the times of earlier ones: first observed then, and unless they differ, updated then."""
    known = _by_arn(earlier)
    return tuple(_continued(each, known.get(each["findingArn"])) for each in findings)


def changes(
    findings: Iterable[dict[str, Any]], earlier: Iterable[dict[str, Any]], now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the findings that are new or differ from the earlier ones, and then those that are gone, as closed ones."""
    known = _by_arn(earlier)
    for finding in findings:
        before = known.pop(finding["findingArn"], None)
        if before is None or _content(before) != _content(finding):
            yield finding
    for gone in known.values():
        yield gone | {"status": CLOSED, "updatedAt": now.isoformat()}


def _by_arn(findings: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["findingArn"]: each for each in findings}


def _continued(finding: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    if before is None:
        return finding
    kept = {"firstObservedAt": before["firstObservedAt"]}
    if _content(before) == _content(finding):
        kept["updatedAt"] = before["updatedAt"]
    return finding | kept


def _content(finding: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in finding.items() if name not in _TIMES_OF_SCANS}
