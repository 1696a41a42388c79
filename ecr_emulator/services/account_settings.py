"""The account settings of a registry."""

from __future__ import annotations

from ecr_emulator.domain.account_settings import ACCOUNT_SETTINGS
from ecr_emulator.domain.names import Registry
from ecr_emulator.ports.store import UnitOfWork


def account_setting(work: UnitOfWork, registry: Registry, name: str) -> str:
    """Return the value of a setting, or its default. Raises ``KeyError`` for an unknown name."""
    value: str | None = work.registry_documents.find(registry, _document(name))
    return ACCOUNT_SETTINGS[name].default if value is None else value


def put_account_setting(work: UnitOfWork, registry: Registry, name: str, value: str) -> None:
    """Set a setting to one of its values."""
    work.registry_documents.put(registry, _document(name), value)


def _document(name: str) -> str:
    return f"setting {name}"
