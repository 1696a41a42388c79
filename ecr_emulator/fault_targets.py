"""The requests to ECR that faults can name: the operations of its API and the routes of its registry."""

from __future__ import annotations

from ecr_emulator.control.model import wire_names
from ecr_emulator.distribution.routes import fault_targets


def ecr_fault_targets() -> set[str]:
    """Return operations, like ``PutImage``, and routes with and without a method, like ``GET blobs`` and ``blobs``."""
    return {*wire_names().values(), *fault_targets()}
