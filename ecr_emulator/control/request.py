"""A request to the API of ECR, with everything that its operation needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ecr_emulator.domain.cache_use import CacheUse
from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.services import Services
from ecr_emulator.services.access import Permissions


@dataclass(frozen=True, slots=True)
class EcrRequest:
    """A request whose caller is known and whose members have been checked.

    ``registry`` is the registry of ``registryId`` if the request has one, else the caller's registry. ``origin`` is
    the scheme and host that the client used, without a slash at the end. ``permissions`` are those of the caller;
    the permission for the operation itself has been checked. ``report`` receives the use of the cache by each pull.
    """

    operation: str
    now: datetime
    caller: Caller
    registry: Registry
    services: Services
    origin: str
    permissions: Permissions
    report: Callable[[CacheUse], None]

    @property
    def host(self) -> str:
        """Return the host, with its port, that the client used."""
        return self.origin.partition("://")[2]
