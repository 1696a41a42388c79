"""Faults of ECR itself, injected by users: throttling, server errors, latency, broken connections."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

from ecr_emulator.domain.fault import BREAKS_AFTER, Fault, FaultSyntax
from ecr_emulator.domain.names import Registry
from ecr_emulator.errors import EcrError, ServerException, ServiceUnavailable, ThrottlingException
from ecr_emulator.ports.time import Clock
from ecr_emulator.services.faults import LATENCY, Chances, Faults

DROPPED_CONNECTION = "dropped_connection"
LOST_ANSWER = "lost_answer"
KINDS: Mapping[str, Collection[str]] = {
    "throttling": ("retry_after",),
    "server_error": (),
    "unavailable": ("retry_after",),
    LATENCY: ("seconds",),
    DROPPED_CONNECTION: (),
    LOST_ANSWER: ("after_bytes",),
}
"""The kinds of fault, with the keys that belong to each."""
FILTERS = ("account", "region", "repository")
_ERRORS: Mapping[str, type[EcrError]] = {
    "throttling": ThrottlingException,
    "server_error": ServerException,
    "unavailable": ServiceUnavailable,
    DROPPED_CONNECTION: ServerException,  # for the request log: the client receives nothing
}


class RequestFaults(Faults):
    """Applies the faults in force to requests of both planes."""

    def __init__(
        self,
        clock: Clock,
        chances: Chances,
        pause: Callable[[float], None],
        targets: Callable[[], Collection[str]],
    ) -> None:
        """``pause`` waits for a number of seconds; ``targets`` returns the operations and the registry routes."""
        super().__init__(FaultSyntax(KINDS, FILTERS, targets), clock, chances)
        self._pause = pause

    def apply(
        self, targets: Collection[str], registry: Registry, repository: str, environ: MutableMapping[str, Any]
    ) -> None:
        """Wait, raise an error, or have the answer broken off, as the faults that hit this request say.

        ``targets`` are the operation, or the registry route with and without its method. Raises
        ``ThrottlingException``, ``ServerException`` and ``ServiceUnavailable``.
        """
        properties = {"account": registry.id, "region": registry.region, "repository": repository}
        for fault in self.hits(targets, properties):
            self._apply(fault, environ)

    def _apply(self, fault: Fault, environ: MutableMapping[str, Any]) -> None:
        if fault.kind == LATENCY:
            self._pause(fault.seconds)
            return
        if fault.kind in (DROPPED_CONNECTION, LOST_ANSWER):
            environ[BREAKS_AFTER] = fault.after_bytes
        if fault.kind != LOST_ANSWER:
            raise _ERRORS[fault.kind](retry_after=fault.retry_after)
