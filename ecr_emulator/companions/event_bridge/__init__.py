"""Delivery of ECR's events to the rules of the EventBridge companion, and from there to their targets."""

from __future__ import annotations

from ecr_emulator.companions.event_bridge.delivery import EventBridge

__all__ = ["EventBridge"]
