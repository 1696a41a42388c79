"""``/_ecr/faults``: faults of ECR itself, injected into its API and its registry."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Protocol

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.domain.addresses import registry_of_host
from ecr_emulator.services.faults import Faults

FAULT_EXAMPLES = (
    '{"fault": "throttling", "target": "PutImage", "count": 2, "retry_after": 3}',
    '{"fault": "latency", "seconds": 2.5, "account": "123456789012", "region": "us-east-1", "repository": "team/*"}',
    '{"fault": "lost_answer", "after_bytes": 1000, "skip": 1, "probability": 0.5, "seed": 1}',
    '{"fault": "server_error", "starts_in": "1h", "lasts": "10m"}',
)


UPSTREAM_EXAMPLE = '{"faults": [{"fault": "status", "status": 429, "retry_after": 60, "target": "manifests"}]}'


class UpstreamHosts(Protocol):
    """The faults of upstream hosts."""

    def at(self, host: str) -> Faults:
        """Return the faults of a host."""


class FaultsAdmin:
    """The views. ``mapped`` are the hosts for which an upstream map names an address."""

    def __init__(self, faults: Faults, upstreams: UpstreamHosts, mapped: Container[str]) -> None:
        self._faults = faults
        self._upstreams = upstreams
        self._mapped = mapped

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
        if self._faults.remove(fault):
            return jsonify(id=fault)
        known = ", ".join(each["id"] for each in self._faults.listing()) or "none"
        return jsonify(error=f"There is no fault {fault[:100]!r}; there are: {known}"), 404

    def put_upstream(self, given: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Inject these faults into an upstream host, instead of those that it has."""
        faults = given.get("faults")
        if not isinstance(faults, list) or not all(isinstance(each, dict) for each in faults):
            raise BadRequest(f"The body must be like {UPSTREAM_EXAMPLE}")
        if registry_of_host(host) and host not in self._mapped:
            raise BadRequest(
                f"{host} is answered by this emulator without HTTP; faults of ECR itself are at /_ecr/faults"
            )
        try:
            return jsonify(host=host, faults=self._upstreams.at(host).replace(faults))
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None

    def show_upstream(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Return the faults of an upstream host, with the number of requests that each of them hit."""
        return jsonify(host=host, faults=self._upstreams.at(host).listing())

    def clear_upstream(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """End the faults of an upstream host."""
        self._upstreams.at(host).clear()
        return jsonify(host=host, faults=[])
