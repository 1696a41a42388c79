"""The functions that answer the operations of ECR, each registered by its decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecr_emulator.control.request import EcrRequest

Handler = Callable[[EcrRequest, dict[str, Any]], dict[str, Any]]

HANDLERS: dict[str, Handler] = {}
"""The operations that are emulated, by the name of their function."""

LACKING: dict[str, str] = {}
"""What the operations that are emulated in part lack, by the name of their function."""


def operation(handler: Handler) -> Handler:
    """Make a function the handler of the operation with the same name: ``put_image`` answers ``PutImage``.

    The request has been checked against the model and holds only members that it gives a value.
    """
    HANDLERS[handler.__name__] = handler
    return handler


def lacks(what: str) -> Callable[[Handler], Handler]:
    """Say what an operation does not do. ``specs/coverage.json`` and the docs then call it emulated in part."""

    def declare(handler: Handler) -> Handler:
        LACKING[handler.__name__] = what
        return handler

    return declare
