"""Readiness of an emulator: it answers, and its init scripts have run."""

from __future__ import annotations

from ecr_emulator.cli.http_client import Address, Refused, request


def why_not_ready(address: Address) -> str | None:
    """Return why an emulator is not ready; None if it is. Raises OSError if no emulator answers."""
    try:
        request(address, "GET", "/_ecr/ready")
    except Refused as not_yet:
        return str(not_yet)
    return None
