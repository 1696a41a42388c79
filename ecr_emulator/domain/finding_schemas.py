"""JSON Schemas of the findings that users tell. A ``$comment`` says what is right where the error alone does not."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_NAME = {"type": "string", "minLength": 1}
_TIME = {"type": ["string", "number"]}
_TEXTS = {"type": "array", "items": _TEXT}
_SCORE = {"type": "number", "minimum": 0, "maximum": 10}
_ANYTHING: dict[str, Any] = {}
_DECIDED_BY_SCANS = dict.fromkeys(
    ("awsAccountId", "findingArn", "firstObservedAt", "lastObservedAt", "updatedAt", "resources"), _ANYTHING
)
"""Members of an answer of ECR that a scan replaces by its own, so that an answer can be told as it is."""


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _list(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_ATTRIBUTE = _object(
    {
        "key": {"type": "string", "minLength": 1, "maxLength": 128},
        "value": {"type": "string", "minLength": 1, "maxLength": 256},
    },
    "key",
)
_FINDING = _object(
    {
        "name": _NAME,
        "severity": {"enum": ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "UNDEFINED"]},
        "description": _TEXT,
        "uri": _TEXT,
        "attributes": _list(_ATTRIBUTE, maxItems=50),
    },
    "name",
    "severity",
)
_PACKAGE = _object(
    {
        "name": _NAME,
        "version": _TEXT,
        "epoch": {"type": "integer", "minimum": 0},
        **dict.fromkeys(("arch", "filePath", "fixedInVersion", "packageManager", "release", "sourceLayerHash"), _TEXT),
    },
    "name",
    "version",
)
_CVSS = _object(
    {"baseScore": _SCORE, "scoringVector": _TEXT, "source": _TEXT, "version": _TEXT},
    "baseScore",
    "scoringVector",
    "source",
    "version",
)
_DETAILS = _object(
    {
        "vulnerabilityId": _NAME,
        "cvss": _list(_CVSS),
        "referenceUrls": _TEXTS,
        "relatedVulnerabilities": _TEXTS,
        "source": _TEXT,
        "sourceUrl": _TEXT,
        "vendorCreatedAt": _TIME,
        "vendorSeverity": _TEXT,
        "vendorUpdatedAt": _TIME,
        "vulnerablePackages": _list(_PACKAGE),
    },
    "vulnerabilityId",
)
_ADJUSTMENT = _object({"metric": _TEXT, "reason": _TEXT}, "metric", "reason")
_SCORE_DETAILS = _object(
    {
        "adjustments": _list(_ADJUSTMENT),
        "score": _SCORE,
        "scoreSource": _TEXT,
        "scoringVector": _TEXT,
        "version": _TEXT,
    },
    "score",
    "scoreSource",
    "scoringVector",
    "version",
)
_ENHANCED_FINDING = _object(
    {
        "title": _TEXT,
        "description": _TEXT,
        "severity": {"enum": ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "UNTRIAGED"]},
        "type": {"const": "PACKAGE_VULNERABILITY"},
        "status": {
            "const": "ACTIVE",
            "$comment": "'status' must be ACTIVE: a finding that is told no more is closed by the next scan",
        },
        "score": _SCORE,
        "scoreDetails": _object({"cvss": _SCORE_DETAILS}),
        "fixAvailable": {"enum": ["YES", "NO", "PARTIAL"]},
        "exploitAvailable": {"enum": ["YES", "NO"]},
        "remediation": _object({"recommendation": _object({"text": _TEXT, "url": _TEXT})}),
        "packageVulnerabilityDetails": _DETAILS,
        **_DECIDED_BY_SCANS,
    },
    "severity",
    "packageVulnerabilityDetails",
)
DECIDED_BY_SCANS = frozenset(_DECIDED_BY_SCANS)
DOCUMENT = _object({"findings": _list(_FINDING), "enhancedFindings": _list(_ENHANCED_FINDING)}, "findings")
"""The body that tells findings."""
