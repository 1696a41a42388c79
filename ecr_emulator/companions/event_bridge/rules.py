"""The rules of EventBridge that match an event.

moto matches event patterns. It does not heed a disabled rule, and a rule with only a schedule would match every event,
so both are left out here. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

from ecr_emulator.companions.event_bridge.patterns import check_pattern
from ecr_emulator.companions.event_bridge.targets import Match, event_bus_of, send, send_to_dead_letters
from ecr_emulator.domain.events import Event

log = logging.getLogger(__name__)

DISABLED = "DISABLED"
Envelope = dict[str, Any]


def has_rules() -> bool:
    """Return whether any bus of any account has a rule. Imports and creates nothing."""
    return any(bus.rules for backend in _backends() for bus in list(backend.event_buses.values()))


def deliver_to_default(event: Event) -> None:
    """Send an event of ECR to the default bus of its account and Region."""
    deliver(event.envelope(), event_bus_of(event.registry.id, event.registry.region, "default"))


def deliver(envelope: Envelope, bus: Any) -> None:
    """Send an event to the targets of all rules of a bus that match it, and to the buses that these rules name.

    A bus that receives an event from another bus passes it to no third one. A target that fails is logged.
    """
    for match in _matches(bus, envelope):
        forwarded_to = _attempt(match)
        for forwarded in _matches(forwarded_to, envelope):
            if forwarded.names_bus:
                log.warning("EventBridge: %s passes on no event that comes from another bus", forwarded)
            else:
                _attempt(forwarded)


def _matches(bus: Any, envelope: Envelope) -> Iterator[Match]:
    for rule in list(bus.rules.values()) if bus else ():
        if _is_for(rule, envelope):
            yield from (Match(bus, rule, target, envelope) for target in list(rule.targets))


def _is_for(rule: Any, envelope: Envelope) -> bool:
    if rule.state == DISABLED or rule.event_pattern.dump() is None:
        return False
    try:
        check_pattern(rule.event_pattern.get_pattern())
        return bool(rule.event_pattern.matches_event(envelope))
    except Exception as failure:
        log.warning("EventBridge: the pattern of rule %s cannot be evaluated: %s", rule.name, _reason(failure))
        return False


def _attempt(match: Match) -> Any:
    """Send an event to a target, or else to its dead-letter queue. Return the bus that is the target, if it is one."""
    try:
        return send(match)
    except Exception as failure:
        reason = _reason(failure)
        log.warning("EventBridge: %s cannot receive event %s: %s", match, match.envelope["id"], reason)
    try:
        send_to_dead_letters(match, reason)
    except Exception as failure:
        log.warning("EventBridge: the dead-letter queue of %s cannot receive it: %s", match, _reason(failure))
    return None


def _reason(failure: Exception) -> str:
    if isinstance(failure, ModuleNotFoundError):
        return f"it needs the package {failure.name}, which is not installed: pip install 'ecr-emulator[companions]'"
    text = str(getattr(failure, "message", None) or failure or type(failure).__name__)
    return " ".join(text.split())


def _backends() -> Iterator[Any]:
    models = sys.modules.get("moto.events.models")
    every: dict[str, Any] = getattr(models, "events_backends", {})
    for regions in list(every.values()):
        yield from list(regions.values())
