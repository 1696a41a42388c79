"""Clients for whom ECR imports nothing, whatever their policies say. What is cached, they get."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ecr_emulator.domain.pull_through import MayImport
from ecr_emulator.services.access import Permissions, RequiredAction

log = logging.getLogger(__name__)


def unless(refusal: str | None, permissions: Permissions) -> Permissions:
    """The permissions of a client for whom nothing is imported if there is a reason for that, in words."""
    return WithoutFirstPulls(refusal, permissions) if refusal else permissions


@dataclass(frozen=True)
class WithoutFirstPulls:
    """``Permissions`` without imports."""

    reason: str
    permissions: Permissions

    def require(self, actions: list[RequiredAction]) -> None:
        """See ``Permissions.require``."""
        self.permissions.require(actions)

    def may(self, required: RequiredAction) -> bool:
        """See ``Permissions.may``."""
        return self.permissions.may(required)

    def may_import(self, name: str) -> MayImport:
        """Never; the client hears "not found", the log says why."""

        def never(_: bool) -> bool:
            log.warning("nothing is imported for %s: %s", name, self.reason)
            return False

        return never
