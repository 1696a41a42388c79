"""The faults that users inject into one emulator: those of ECR itself, and those of upstreams."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.model import wire_names
from ecr_emulator.distribution.routes import fault_targets
from ecr_emulator.services.request_faults import RequestFaults
from ecr_emulator.system import SystemClock, chances
from ecr_emulator.upstream.faults import UpstreamFaults


class InjectedFaults:
    """``ecr`` has the faults of ECR, by operation and registry route; ``upstreams`` those of upstream hosts."""

    def __init__(self, clock: SystemClock) -> None:
        self.ecr = RequestFaults(clock, chances, clock.pause, lambda: {*wire_names().values(), *fault_targets()})
        self.upstreams = UpstreamFaults(clock, chances)

    def clear(self, account: str | None = None) -> None:
        """End all faults, or those of one account only. Upstreams belong to no account."""
        self.ecr.clear(account)
        if account is None:
            self.upstreams.clear()

    def snapshot(self) -> tuple[Any, Any]:
        """Return all faults with their counts, for ``restore``."""
        return self.ecr.snapshot(), self.upstreams.snapshot()

    def restore(self, snapshot: tuple[Any, Any]) -> None:
        """Inject the faults of a snapshot instead of those in force."""
        ecr, upstreams = snapshot
        self.ecr.restore(ecr)
        self.upstreams.restore(upstreams)
