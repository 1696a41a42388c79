"""The functions that answer the operations of ECR, each registered by its decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecr_emulator.control.request import EcrRequest

Handler = Callable[[EcrRequest, dict[str, Any]], dict[str, Any]]

HANDLERS: dict[str, Handler] = {}
"""The handlers of the emulated operations, by the names of their functions."""

LACKING: dict[str, str] = {}
"""Descriptions of missing behaviour, by the names of the functions of operations that are emulated in part."""


def operation(handler: Handler) -> Handler:
    """Register a function as the handler of the operation with the same name: ``put_image`` answers ``PutImage``.

    The handler receives members that were checked against the model. A member without a value is absent.
    """
    HANDLERS[handler.__name__] = handler
    return handler


def lacks(what: str) -> Callable[[Handler], Handler]:
    """Declare behaviour that an operation lacks. ``specs/coverage.json`` and the docs list it as emulated in part."""

    def declare(handler: Handler) -> Handler:
        LACKING[handler.__name__] = what
        return handler

    return declare
