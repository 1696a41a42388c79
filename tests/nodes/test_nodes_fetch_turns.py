"""Turns of two nodes to fetch: what the waiting node learns of the other one."""

from concurrent.futures import Future
from contextlib import ExitStack, closing

import pytest

psycopg = pytest.importorskip("psycopg")
from ecr_emulator.ports.upstream_failures import UpstreamNotFound, UpstreamUnavailable, WrongBytes  # noqa: E402
from ecr_emulator.services.pull_through import fetch_turns, followed_download  # noqa: E402
from ecr_emulator.services.pull_through.blob_download import BlobDownload  # noqa: E402
from ecr_emulator.services.pull_through.fetch_turns import EmulatorStopping, SharedFetchTurns  # noqa: E402
from ecr_emulator.services.pull_through.followed_download import FollowedDownload  # noqa: E402
from ecr_emulator.storage.blobs.arriving import ArrivingFiles  # noqa: E402
from ecr_emulator.storage.postgres.claims import SessionClaims  # noqa: E402 - it needs psycopg
from ecr_emulator.storage.postgres.fetch_failures import FetchFailures  # noqa: E402
from ecr_emulator.storage.postgres.session_locks import SessionLocks  # noqa: E402
from ecr_emulator.storage.postgres.shared_store import SharedPostgresStore  # noqa: E402
from ecr_emulator.system import RandomIds  # noqa: E402
from tests.pull_through.matrix.stories import Beside  # noqa: E402
from tests.support.node_fetches import until_a_node_waits  # noqa: E402


class Node:
    """The turns of one node, with the locks that they rest on."""

    def __init__(self, uri, folder, stack):
        store = stack.enter_context(closing(SharedPostgresStore(uri, durable=False)))
        self.locks = stack.enter_context(closing(SessionLocks(uri)))
        claims = stack.enter_context(closing(SessionClaims(self.locks)))
        self.turns = SharedFetchTurns(claims, FetchFailures(store), ArrivingFiles(folder), RandomIds())

    def fails(self, failure, meanwhile=lambda: None):
        """Fail in a fetch; return what was done meanwhile."""
        done = []

        def fetch():
            with self.turns.turn("it"):
                done.append(meanwhile())
                raise failure

        with pytest.raises(type(failure)):
            fetch()
        return done[0]

    def waits(self):
        """Wait for a turn beside the test; the result is the failure, or None."""

        def turn():
            try:
                with self.turns.turn("it"):
                    return None
            except UpstreamUnavailable as failure:
                return failure
            except UpstreamNotFound as failure:
                return failure

        waiting = Beside(turn)
        until_a_node_waits()
        return waiting


@pytest.fixture
def nodes(databases, tmp_path):
    uri = databases()
    with ExitStack() as stack:
        yield [Node(uri, tmp_path, stack) for _ in range(2)]


@pytest.mark.parametrize(
    "failure",
    [
        UpstreamNotFound("gone"),
        UpstreamUnavailable("busy", retry_after=2.5),
        WrongBytes("wrong"),
        type("NewerFailure", (UpstreamUnavailable,), {})("of a newer node"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_reaches_those_that_wait(nodes, failure):
    one, other = nodes
    got = one.fails(failure, other.waits).result()
    assert (got.reason, got.retry_after, got.failure_code) == (
        failure.reason,
        failure.retry_after,
        failure.failure_code,
    )
    assert isinstance(failure, type(got))


def test_a_failure_from_before_does_not_count(nodes):
    one, other = nodes
    other.fails(UpstreamNotFound("gone"))
    with one.turns.turn("it"):
        waiting = other.waits()
    assert waiting.result() is None


def test_the_end_of_a_node_is_no_failure_of_the_upstream(nodes):
    one, other = nodes
    assert one.fails(EmulatorStopping(), other.waits).result() is None


def test_a_node_that_stops_waits_no_longer(nodes):
    one, other = nodes
    with one.turns.turn("it"):
        waiting = other.waits()
        other.turns.close()
        assert isinstance(waiting.result(), EmulatorStopping)


def test_a_node_that_has_lost_the_database_says_so(nodes):
    one, _ = nodes
    one.locks.close()
    with pytest.raises(UpstreamUnavailable, match="cannot agree which of them asks the upstream"), one.turns.turn("it"):
        pass


def test_a_node_that_does_nothing_is_not_waited_for(nodes, monkeypatch):
    one, other = nodes
    monkeypatch.setattr(fetch_turns, "PATIENCE", 0.05)
    with one.turns.turn("it"):
        with other.turns.turn("it"):
            pass
        assert not other.turns.claim("it")  # it is still that of the first node
    assert other.turns.claim("it")


@pytest.mark.parametrize("is_seen", [True, False])
def test_a_node_whose_bytes_no_longer_arrive_is_not_waited_for(nodes, monkeypatch, tmp_path, is_seen):
    _, other = nodes
    digest = f"sha256:{'0' * 64}"
    monkeypatch.setattr(followed_download, "PATIENCE" if is_seen else "PATIENCE_UNSEEN", 0.05)
    name = RandomIds().uuid()
    (tmp_path / "ingest").mkdir()
    (tmp_path / "ingest" / name).write_bytes(b"begin")
    download = BlobDownload(digest, 1_000_000, lambda _: iter(()))
    with ExitStack() as stack:
        if is_seen:
            stack.enter_context(other.turns.announced(digest, name))
        followed = stack.enter_context(closing(FollowedDownload(digest, download, other.turns)))
        with pytest.raises(TimeoutError):
            followed.follow(Future())
        assert (followed.arrived is not None) == is_seen
