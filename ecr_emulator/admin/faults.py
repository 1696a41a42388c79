"""``/_ecr/faults``: faults of ECR itself, injected into its API and its registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.services.faults import Faults

FAULT_EXAMPLES = (
    '{"fault": "throttling", "target": "PutImage", "count": 2, "retry_after": 3}',
    '{"fault": "latency", "seconds": 2.5, "account": "123456789012", "region": "us-east-1", "repository": "team/*"}',
    '{"fault": "lost_answer", "after_bytes": 1000, "skip": 1, "probability": 0.5, "seed": 1}',
    '{"fault": "server_error", "starts_in": "1h", "lasts": "10m"}',
)


class FaultsAdmin:
    """The views."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def add(self, given: Mapping[str, Any]) -> ResponseReturnValue:
        """Inject a fault."""
        try:
            return jsonify(self._faults.add(given)), 201
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None

    def show(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """Return the faults, with the number of requests that each of them hit."""
        return jsonify(faults=self._faults.listing())

    def clear(self, _: Mapping[str, Any]) -> ResponseReturnValue:
        """End all faults."""
        self._faults.clear()
        return jsonify(faults=[])

    def remove(self, _: Mapping[str, Any], fault: str) -> ResponseReturnValue:
        """End one fault."""
        return end_fault(self._faults, fault)


def end_fault(faults: Faults, fault_id: str) -> ResponseReturnValue:
    """End one of these faults, and answer 404 with those that there are if it is none of them."""
    if faults.remove(fault_id):
        return jsonify(id=fault_id)
    known = ", ".join(each["id"] for each in faults.listing()) or "none"
    return jsonify(error=f"There is no fault {fault_id[:100]!r}; there are: {known}"), 404
