"""The scanning configuration of registries, and what it means for a repository."""

from __future__ import annotations

from typing import Any

from ecr_emulator.domain.names import Registry
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.scanning import DEFAULT, DOCUMENT, ENHANCED, MANUAL, Coverage, coverage_of
from ecr_emulator.ports.store import UnitOfWork


def scanning_configuration(work: UnitOfWork, registry: Registry) -> dict[str, Any]:
    """Return the scanning configuration of a registry: its ``scanType`` and its ``rules``."""
    return work.registry_documents.find(registry, DOCUMENT) or DEFAULT


def coverage(work: UnitOfWork, repository: Repository) -> Coverage:
    """Return how often a repository is scanned, and by which filters."""
    return coverage_of(scanning_configuration(work, repository.registry), repository)


def has_enhanced_scanning(work: UnitOfWork, registry: Registry) -> bool:
    """Return whether the scan type of a registry is ENHANCED."""
    return bool(scanning_configuration(work, registry)["scanType"] == ENHANCED)


def is_enhanced(work: UnitOfWork, repository: Repository) -> bool:
    """Return whether enhanced scanning covers a repository."""
    return has_enhanced_scanning(work, repository.registry) and coverage(work, repository).frequency != MANUAL
