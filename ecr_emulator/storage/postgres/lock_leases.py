"""Leases among the nodes of a database."""

from __future__ import annotations

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres.session_locks import SessionLocks


class LockLease:
    """``ports.leases.Lease`` on an exclusive lock. It is lost with the connection, which the node may not notice soon.

    So a node renews it before each step of the work.
    """

    def __init__(self, locks: SessionLocks, work: str) -> None:
        self._locks = locks
        self._name = f"lease of {work}"
        self._is_ours = False

    def renew(self) -> bool:
        try:
            if self._is_ours and not self._locks.is_unbroken(self._name):
                self.end()
            self._is_ours = self._is_ours or self._locks.try_exclusive(self._name)
        except StorageFailure:  # the next attempt finds that the lock is not unbroken
            return False
        return self._is_ours

    def end(self) -> None:
        if self._is_ours:
            self._is_ours = False
            self._locks.release_exclusive(self._name)
