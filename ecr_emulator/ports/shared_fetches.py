"""The ports of fetches from upstreams that one node does for all nodes: claims, failures, and blobs that arrive."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import BinaryIO, NamedTuple, Protocol

from ecr_emulator.ports.upstream_failures import UpstreamFailure


class Claims(Protocol):
    """Names of work that one node does at a time. The claims of a node that dies are free for others at once.

    A node whose connection to the locks was lost may work on while another node takes its claim. So a claim prevents
    work that is done twice; whatever the work stores must be right without it.
    """

    def take(self, name: str) -> bool:
        """Claim a name, until ``release``, unless it is claimed. Return whether it was. Raises ``StorageFailure``."""

    def when_free(self, name: str) -> Future[None]:
        """Return a future that is done when this node has claimed the name, as soon as the name is free.

        Its exception is ``StorageFailure`` if the locks are out of reach. It is cancelled when the emulator closes.
        """

    def are_taken(self, names: set[str]) -> set[str]:
        """Return those names that any node has claimed. Raises ``StorageFailure``."""

    def release(self, name: str) -> None:
        """Release a claim. Does not raise: a lost connection has released it already."""

    def close(self) -> None:
        """Cancel what waits for claims."""


class SharedFailure(NamedTuple):
    """The failure of the last fetch of a name that failed. ``id`` differs from fetch to fetch."""

    id: str
    failure: UpstreamFailure


class FetchFailures(Protocol):
    """The failures of fetches, by the names of their claims, for the nodes that waited for the fetch."""

    def find(self, name: str) -> SharedFailure | None:
        """Return the failure of the last fetch of a name that failed; None if unknown. Raises ``StorageFailure``."""

    def save(self, name: str, shared: SharedFailure) -> None:
        """Store a failure, and forget those of an hour ago: no fetch takes that long. Raises ``StorageFailure``."""


class ArrivingBlob(Protocol):
    """The bytes of a blob that another node is writing. They are not verified, and may never become the blob."""

    @property
    def size(self) -> int:
        """The number of bytes so far."""

    @property
    def is_over(self) -> bool:
        """Whether the other node has ended this attempt, or begun another one."""

    @property
    def is_stored(self) -> bool:
        """Whether the bytes were verified and are now the stored blob."""

    def reader(self) -> BinaryIO:
        """Open the bytes as a seekable file, positioned at 0; it stays readable whatever the other node does."""

    def close(self) -> None:
        """Close the file that ``size`` looks at."""


class ArrivingBlobs(Protocol):
    """The blobs that nodes are writing, where the storage lets other nodes read them meanwhile."""

    def announced(self, digest: str, name: str) -> AbstractContextManager[None]:
        """Let other nodes find the bytes of a writer, by its name, while the block runs."""

    def find(self, digest: str) -> ArrivingBlob | None:
        """Return the bytes of a blob that a node is writing; None if there are none, or if they cannot be read."""
