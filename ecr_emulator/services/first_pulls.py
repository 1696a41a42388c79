"""Permissions of clients for which ECR imports no image, whatever their policies allow; they get cached images."""

from __future__ import annotations

import logging

from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services.access import Permissions, RequiredAction

log = logging.getLogger(__name__)


def without_imports(permissions: Permissions, reason: str | None) -> Permissions:
    """Return permissions that allow no import if a reason for that is given, in words."""
    return WithoutImports(reason, permissions) if reason else permissions


@dataclass(frozen=True)
class WithoutImports:
    """``Permissions`` that allow no import. The client is told "not found"; the reason is logged."""

    reason: str
    permissions: Permissions

    def require(self, actions: list[RequiredAction]) -> None:
        """See ``Permissions.require``."""
        self.permissions.require(actions)

    def may(self, required: RequiredAction) -> bool:
        """See ``Permissions.may``."""
        return self.permissions.may(required)

    def may_import(self, name: str) -> bool:
        """See ``Permissions.may_import``."""
        log.warning("nothing is imported for %s: %s", name, self.reason)
        return False

    def may_import_into_new_repository(self, name: str) -> bool:
        """See ``Permissions.may_import_into_new_repository``."""
        return self.may_import(name)
