"""What an operation gets to see, and how it becomes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecr_emulator.domain.caller import Caller
from ecr_emulator.domain.names import Registry
from ecr_emulator.services import Services
from ecr_emulator.services.access import Permissions


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to its operation.

    ``registry`` is the one addressed: that of ``registryId`` if the request has one, else the caller's.
    ``origin`` is the scheme and host that the client used, without a slash at the end. The ``permissions`` for the
    operation itself have been checked.
    """

    operation: str
    now: datetime
    caller: Caller
    registry: Registry
    services: Services
    origin: str
    permissions: Permissions

    @property
    def host(self) -> str:
        """The host, with its port, that the client used."""
        return self.origin.partition("://")[2]


Handler = Callable[[Call, dict[str, Any]], dict[str, Any]]

HANDLERS: dict[str, Handler] = {}
"""The operations that are emulated, by the name of their function."""

LACKING: dict[str, str] = {}
"""What the operations that are emulated in part lack, by the name of their function."""


def operation(handler: Handler) -> Handler:
    """Make a function the handler of the operation whose name it bears: ``put_image`` answers ``PutImage``.

    The request has been checked against the model and holds only members that it gives a value.
    """
    HANDLERS[handler.__name__] = handler
    return handler


def lacks(what: str) -> Callable[[Handler], Handler]:
    """Say what an operation does not do. It is emulated in part then: ``specs/coverage.json`` and the docs say so."""

    def declare(handler: Handler) -> Handler:
        LACKING[handler.__name__] = what
        return handler

    return declare
