"""``/_ecr/findings``: the findings that scans of an image report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.domain.findings import EVERY_IMAGE, read_findings
from ecr_emulator.domain.names import is_digest
from ecr_emulator.services import Services

EXAMPLES = (
    '{"findings": [{"name": "CVE-2026-1", "severity": "HIGH"}]}',
    '{"findings": [], "enhancedFindings": '
    '[{"severity": "HIGH", "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-1"}}]}',
)


class FindingsAdmin:
    """The views."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self, _: Mapping[str, Any], digest: str) -> ResponseReturnValue:
        """Return the findings that scans of an image report."""
        with self._services.store.reading() as work:
            told = work.known_findings.find(digest)
        return _unknown(digest) if told is None else jsonify(digest=digest, **told.document)

    def put(self, given: Mapping[str, Any], digest: str) -> ResponseReturnValue:
        """Set the findings that scans report for an image, or for every image that has no findings of its own."""
        if digest != EVERY_IMAGE and not is_digest(digest):
            raise BadRequest(f"{digest!r} must be the digest of an image, or {EVERY_IMAGE} for every image")
        try:
            told = read_findings(given)
        except ValueError as wrong:
            raise BadRequest(f"The body must be like {' or '.join(EXAMPLES)}: {wrong}") from None
        with self._services.store.writing() as work:
            work.known_findings.put(digest, told)
        return jsonify(digest=digest, **told.document)

    def delete(self, _: Mapping[str, Any], digest: str) -> ResponseReturnValue:
        """Remove the findings of an image. Its scans then report the findings for every image, or fail."""
        with self._services.store.writing() as work:
            told = work.known_findings.find(digest)
            work.known_findings.remove(digest)
        return _unknown(digest) if told is None else jsonify(digest=digest, **told.document)


def _unknown(digest: str) -> ResponseReturnValue:
    return jsonify(error=f"There are no findings for {digest!r}"), 404
