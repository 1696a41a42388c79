"""Validation of the findings that users set. They must have the shape in which ECR reports findings.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
"""

from __future__ import annotations

from typing import Any

EVERY_IMAGE = "*"
"""Used instead of a digest for the findings of every image that has no findings of its own."""

_ATTRIBUTE = {
    "type": "object",
    "properties": {
        "key": {"type": "string", "minLength": 1, "maxLength": 128},
        "value": {"type": "string", "minLength": 1, "maxLength": 256},
    },
    "required": ["key"],
    "additionalProperties": False,
}
_FINDING = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "severity": {"enum": ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL", "UNDEFINED"]},
        "description": {"type": "string"},
        "uri": {"type": "string"},
        "attributes": {"type": "array", "items": _ATTRIBUTE, "maxItems": 50},
    },
    "required": ["name", "severity"],
    "additionalProperties": False,
}
_DOCUMENT = {
    "type": "object",
    "properties": {"findings": {"type": "array", "items": _FINDING}},
    "required": ["findings"],
    "additionalProperties": False,
}


def read_findings(document: Any) -> list[dict[str, Any]]:
    """Return the findings in ``{"findings": [{"name": …, "severity": …}]}``. An empty list means a clean image.

    Raises ``ValueError`` with the first error and its place.
    """
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(_DOCUMENT).iter_errors(document):
        raise ValueError(f"{error.json_path}: {error.message}")
    findings: list[dict[str, Any]] = document["findings"]
    return findings
