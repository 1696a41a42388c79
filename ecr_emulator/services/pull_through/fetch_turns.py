"""Turns of nodes: of several that want the same from an upstream, one asks, and the others get its result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ecr_emulator.domain.pull_through import CachedName
from ecr_emulator.ports.ids import IdSource
from ecr_emulator.ports.shared_fetches import ArrivingBlob, ArrivingBlobs, Claims, FetchFailures, SharedFailure
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.ports.upstream import Upstreams
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.services.optional_writes import optional_write

log = logging.getLogger(__name__)

Turn = Future[None]
"""Done when this node may fetch. Its exception is ``StorageFailure``."""


PATIENCE = 180.0
"""Seconds for which a node waits for another one that gives no sign of progress: all attempts of a request take less.

The other node is stopped or cut off then, but not dead, so that it keeps its turn.
"""


def wait_for(turn: Turn) -> None:
    """Wait until it is the turn of this node. Raises ``TimeoutError``, ``StorageFailure`` and ``CancelledError``."""
    turn.result(PATIENCE)


class EmulatorStopping(UpstreamUnavailable):
    """This node stops. Other nodes may fetch what it did not."""

    def __init__(self, reason: str = "the emulator is stopping", *, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after=retry_after)


class FetchTurns:
    """The turns of a node that shares its state with no other: it never waits."""

    are_shared = False
    """Whether there are other nodes."""

    def turn(
        self, name: str, meanwhile: Callable[[Turn], None] = wait_for, *, takes_failure: bool = True
    ) -> AbstractContextManager[None]:
        """Wait for the turn to do a fetch, by its name, and let no other node do it while the block runs.

        ``meanwhile`` is called if another node does the fetch. It returns when its argument is done, or raises
        ``TimeoutError`` if the other node does nothing; the block runs without a turn then. The block must not wait for
        another turn, so that no two nodes can wait for each other. Raises ``UpstreamFailure`` before the block begins,
        that of the other node included if the caller ``takes_failure``.
        """
        return nullcontext()

    def announced(self, digest: str, name: str) -> AbstractContextManager[None]:
        """Let other nodes find the bytes of a writer, by its name, while the block runs."""
        return nullcontext()

    def arriving(self, digest: str) -> ArrivingBlob | None:
        """Return the bytes of a blob that another node is writing; None if there are none that can be read."""
        return None

    def claim(self, name: str) -> bool:
        """Claim work for this node, until ``release``. Return False if another node has it, or if nobody can tell."""
        return True

    def release(self, *names: str) -> None:
        """Release claims."""

    def are_elsewhere(self, names: set[str]) -> set[str]:
        """Return those names that other nodes have claimed; this node has none of them. Raises ``StorageFailure``."""
        return set()

    def call_when_free(self, name: str, listener: Callable[[], None]) -> None:
        """Call ``listener`` when no node has claimed a name, or when this cannot be known any more."""
        listener()

    def close(self) -> None:
        """Let nothing wait any more."""


ONE_NODE = FetchTurns()


class SharedFetchTurns(FetchTurns):
    """The turns of one of several nodes.

    A node that has waited for its turn looks first whether the other node has stored the result. If the other node has
    failed, the failure is stored, and ``turn`` raises it. If the other node has died, this node fetches.
    """

    are_shared = True

    def __init__(self, claims: Claims, failures: FetchFailures, arriving: ArrivingBlobs, ids: IdSource) -> None:
        self._claims = claims
        self._failures = failures
        self._arriving = arriving
        self._ids = ids

    @contextmanager
    def turn(
        self, name: str, meanwhile: Callable[[Turn], None] = wait_for, *, takes_failure: bool = True
    ) -> Iterator[None]:
        has_turn = self._take(name, meanwhile, takes_failure)
        try:
            yield
        except EmulatorStopping:
            raise
        except UpstreamFailure as failure:
            self._save(name, failure)
            raise
        finally:
            if has_turn:
                self._claims.release(name)

    def announced(self, digest: str, name: str) -> AbstractContextManager[None]:
        return self._arriving.announced(digest, name)

    def arriving(self, digest: str) -> ArrivingBlob | None:
        return self._arriving.find(digest)

    def claim(self, name: str) -> bool:
        try:
            return self._claims.take(name)
        except StorageFailure as failure:
            log.warning("%s is not claimed: %s", name, failure.reason)
            return False

    def release(self, *names: str) -> None:
        for name in names:
            self._claims.release(name)

    def are_elsewhere(self, names: set[str]) -> set[str]:
        return self._claims.are_taken(names) if names else set()

    def call_when_free(self, name: str, listener: Callable[[], None]) -> None:
        def end(turn: Turn) -> None:
            if not turn.cancelled() and turn.exception() is None:
                self._claims.release(name)
            listener()

        self._claims.when_free(name).add_done_callback(end)

    def close(self) -> None:
        self._claims.close()

    def _take(self, name: str, meanwhile: Callable[[Turn], None], takes_failure: bool) -> bool:
        """Take the turn, after the node that has it. Return False if that node does nothing.

        Raises the failure of that node if ``takes_failure``.
        """
        try:
            before = self._failures.find(name)
            if self._claims.take(name):
                return True
            turn = self._claims.when_free(name)
            try:
                meanwhile(turn)
            except TimeoutError:
                if turn.cancel():
                    log.warning("this node fetches the %s, too: the node that has begun makes no progress", name)
                    return False
            wait_for(turn)
            if takes_failure:
                self._raise_failure(name, before)
        except CancelledError:
            raise EmulatorStopping from None
        except StorageFailure as failure:
            reason = f"the nodes cannot agree which of them asks the upstream: {failure.reason}"
            raise UpstreamUnavailable(reason, retry_after=1) from failure
        return True

    def _raise_failure(self, name: str, before: SharedFailure | None) -> None:
        """Raise the failure of the node that had the turn, which ends here. Return if that node did not fail."""
        try:
            failed = self._failures.find(name)
            if failed and (before is None or before.id != failed.id):
                raise failed.failure
        except BaseException:
            self._claims.release(name)
            raise

    def _save(self, name: str, failure: UpstreamFailure) -> None:
        with optional_write(f"the failure of {name}"):
            self._failures.save(name, SharedFailure(self._ids.uuid(), failure))


def turn_to_ask(
    turns: FetchTurns, upstreams: Upstreams, name: CachedName, what: str, *, takes_failure: bool = True
) -> AbstractContextManager[None]:
    """Wait for the turn of this node to ask the upstream of a repository for something. Raises ``UpstreamFailure``.

    A registry of this emulator is asked without a turn: it waits itself for the turn to ask another one. A caller who
    does not take the failure of another node asks the upstream in any case.
    """
    rule = name.rule
    if upstreams.is_here(rule):
        return nullcontext()
    fetch = f"{what} of {name.registry.host}/{name.name} from {rule.url}/{name.upstream_name}"
    return turns.turn(fetch, takes_failure=takes_failure)
