"""Delivery of events of ECR and of clients to the rules of the EventBridge companion, and from there to their targets.

Importing this package imports neither moto nor the modules that import moto.
"""

from __future__ import annotations

from ecr_emulator.companions.app import Companions
from ecr_emulator.companions.event_bridge.delivery import EventBridge
from ecr_emulator.companions.event_bridge.pattern_calls import answer_pattern_call
from ecr_emulator.ports.time import Clock

__all__ = ["EventBridge", "add_event_bridge"]


def add_event_bridge(companions: Companions, clock: Clock) -> None:
    """Replace moto's backends of EventBridge by those that deliver events as AWS does."""

    def backends() -> type:
        from ecr_emulator.companions.event_bridge.backend import EventBridgeBackend

        class OwnBackend(EventBridgeBackend):
            """The backends of one emulator."""

            __module__ = EventBridgeBackend.__module__

        OwnBackend.clock = clock
        return OwnBackend

    companions.use_backend("events", backends)
    companions.before_each_call(answer_pattern_call)
