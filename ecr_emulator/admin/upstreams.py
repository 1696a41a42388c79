"""``/_ecr/upstreams/<host>/…``: the faults of an upstream host, and the address that is asked in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flask import jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from ecr_emulator.admin.faults import end_fault
from ecr_emulator.services.faults import Faults

FAULTS_EXAMPLE = '{"faults": [{"fault": "status", "status": 429, "retry_after": 60, "target": "manifests"}]}'
FAULT_EXAMPLES = (
    '{"fault": "status", "status": 503, "target": "GET blobs", "repository": "library/*", "count": 2, "skip": 1}',
    '{"fault": "latency", "seconds": 2.5, "probability": 0.5, "seed": 1}',
    '{"fault": "broken_body", "after_bytes": 1000, "starts_in": "1h", "lasts": "10m"}',
    '{"fault": "status", "status": 429, "retry_after": 60}',
)
ADDRESS_EXAMPLE = '{"url": "http://127.0.0.1:5000"}'


class UpstreamHosts(Protocol):
    """The addresses and the faults of upstream hosts."""

    def faults(self, host: str) -> Faults:
        """Return the faults of a host."""

    def faults_to_inject(self, host: str) -> Faults:
        """Return the faults of a host, to which more can be added. Raises ``ValueError`` if none could hit."""

    def address(self, host: str) -> str | None:
        """Return the base URL that stands in for a host."""

    def is_reachable(self, host: str) -> bool:
        """Tell whether something accepts connections there."""

    def lead(self, host: str, base: str) -> None:
        """Ask a base URL in place of a host. Raises ``ValueError``."""

    def release(self, host: str) -> None:
        """Ask a host as at the start again."""

    def warning(self, host: str) -> str:
        """Return a sentence if no request to this host is expected, else nothing."""


class UpstreamsAdmin:
    """The views. An answer has a ``warning`` if no request to its host is expected."""

    def __init__(self, hosts: UpstreamHosts) -> None:
        self._hosts = hosts

    def show_faults(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Return the faults of a host, with the number of requests that each of them hit."""
        return self._answer(host, faults=self._hosts.faults(host).listing())

    def add_fault(self, given: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Inject one more fault into a host."""
        try:
            return jsonify(self._hosts.faults_to_inject(host).add(given) | self._warning(host)), 201
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None

    def put_faults(self, given: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Inject these faults into a host, instead of those that it has."""
        faults = given.get("faults")
        if not isinstance(faults, list) or not all(isinstance(each, dict) for each in faults):
            raise BadRequest(f"The body must be like {FAULTS_EXAMPLE}")
        try:
            return self._answer(host, faults=self._hosts.faults_to_inject(host).replace(faults))
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None

    def clear_faults(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """End the faults of a host."""
        self._hosts.faults(host).clear()
        return self._answer(host, faults=[])

    def remove_fault(self, _: Mapping[str, Any], host: str, fault: str) -> ResponseReturnValue:
        """End one fault of a host."""
        return end_fault(self._hosts.faults(host), fault)

    def show_address(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Return the URL that is asked in place of a host."""
        return self._answer(host, url=self._hosts.address(host))

    def put_address(self, given: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Ask a URL in place of a host from now on. ``reachable`` says whether something accepts connections there."""
        url = given.get("url")
        if not isinstance(url, str):
            raise BadRequest(f"The body must be like {ADDRESS_EXAMPLE}")
        try:
            self._hosts.lead(host, url)
        except ValueError as wrong:
            raise BadRequest(str(wrong)) from None
        return self._answer(host, url=self._hosts.address(host), reachable=self._hosts.is_reachable(host))

    def delete_address(self, _: Mapping[str, Any], host: str) -> ResponseReturnValue:
        """Ask the host itself again, or the address that the upstream map of the start names."""
        self._hosts.release(host)
        return self.show_address({}, host)

    def _answer(self, host: str, **members: Any) -> ResponseReturnValue:
        return jsonify(host=host, **members, **self._warning(host))

    def _warning(self, host: str) -> dict[str, str]:
        warning = self._hosts.warning(host)
        return {"warning": warning} if warning else {}
