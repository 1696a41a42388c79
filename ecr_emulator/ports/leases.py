"""The port of leases: work that one node at a time does for all of them."""

from __future__ import annotations

from typing import Protocol


class Lease(Protocol):
    """The right to do some work, of one node at a time. It ends with its node, and another node can take it then."""

    def renew(self) -> bool:
        """Take the lease, or make sure that this node still has it. Return whether it has. Does not raise."""

    def end(self) -> None:
        """Leave the work to another node."""


class OwnLease:
    """The lease of a node that is the only one."""

    def renew(self) -> bool:
        return True

    def end(self) -> None:
        """Do nothing."""
