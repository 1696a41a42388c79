"""A download and its readers, interrupted at any step: a blob file has the bytes of its digest."""

import hashlib
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ecr_emulator.domain.image import Layer
from ecr_emulator.domain.pull_through import CachedName, PullThroughRule
from ecr_emulator.ports.upstream_failures import UpstreamFailure, UpstreamUnavailable
from ecr_emulator.services.garbage_collection import GarbageCollector
from ecr_emulator.services.pull_through import BlobDownloads
from ecr_emulator.storage.blobs.files import FileBlobs
from ecr_emulator.storage.store import SqlStore
from ecr_emulator.system import RandomIds
from ecr_emulator.testing.upstream.images import layer
from tests.support.clock import FrozenClock
from tests.support.storage import HOME, NOW, a_repository

BLOBS = [layer(size, size) for size in (0, 10, 70_000, 150_000)]
RULE = PullThroughRule(HOME, "team", "quay.io", "quay", NOW, NOW)
STEPS = ("some", "wrong", "break", "rest")


class Feed:
    """An upstream that sends what it is told to, one step at a time; ``rest`` for ever once it is let go."""

    def __init__(self):
        self.steps = {blob.digest: SimpleQueue() for blob in BLOBS}
        self.let_go = False

    def at(self, _rule):
        return self

    def hang_up(self):
        """There are no connections."""

    def blob(self, _name, digest, size, offset=0):
        raw = next(blob.raw for blob in BLOBS if blob.digest == digest)
        while offset < size:
            step = "rest" if self.let_go else self.steps[digest].get()
            if step == "break":
                raise UpstreamUnavailable("it broke off")
            piece = raw[offset:] if step == "rest" else raw[offset : offset + 40_000]
            offset += len(piece)
            yield bytes(len(piece)) if step == "wrong" else piece


class Reader(Thread):
    """A client that reads a blob, or its first bytes only, and leaves."""

    def __init__(self, downloads, repository, blob, limit):
        super().__init__()
        self.blob, self.limit = blob, min(limit, blob.size)
        self.got, self.failure = b"", None
        self._open = lambda: downloads.chunks(
            CachedName(RULE, repository.name), Layer(blob.digest, blob.size), 0, blob.size
        )
        self.start()

    def run(self):
        try:
            chunks = self._open()
            while len(self.got) < self.limit:
                self.got += next(chunks)
            chunks.close()
        except (UpstreamFailure, FileNotFoundError) as failure:
            self.failure = failure
        except StopIteration:
            self.failure = AssertionError("it ended early, and nobody said why")


class Interleavings(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.store = SqlStore(self.folder / "ecr.sqlite", durable=False)
        self.blobs = FileBlobs(self.folder, durable=False)
        self.clock = FrozenClock()
        self.garbage_collector = GarbageCollector(self.store, self.blobs)
        self.feed = Feed()
        self.downloads = BlobDownloads(
            self.store, self.blobs, RandomIds(), self.clock, self.feed, make_room=self.collect
        )
        self.readers = []
        with self.store.writing() as work:
            self.repository = work.repositories.add(a_repository())

    @rule(blob=st.sampled_from(BLOBS), limit=st.sampled_from([1, 50_000, 10**6]))
    def a_client_comes(self, blob, limit):
        self.readers.append(Reader(self.downloads, self.repository, blob, limit))

    @rule(blob=st.sampled_from(BLOBS), step=st.sampled_from(STEPS))
    def the_upstream_does_something(self, blob, step):
        self.feed.steps[blob.digest].put(step)

    @rule()
    def collect(self):
        self.garbage_collector.collect(self.clock.advance(timedelta(minutes=2)), grace=timedelta())

    @rule()
    def the_repository_is_deleted_and_comes_again(self):
        with self.store.writing() as work:
            work.repositories.remove(work.repositories.get(HOME, self.repository.name))
        with self.store.writing() as work:
            self.repository = work.repositories.add(a_repository())

    @rule(reserve=st.sampled_from([0, 2**60]))
    def the_disk_is_full_or_not(self, reserve):
        self.blobs._reserve = reserve

    @invariant()
    def blobs_are_what_their_names_say(self):
        for file in (self.folder / "blobs").rglob("*") if hasattr(self, "folder") else ():
            try:
                assert file.is_dir() or hashlib.sha256(file.read_bytes()).hexdigest() == file.name
            except FileNotFoundError:
                continue  # it was collected this very moment

    def teardown(self):
        if not hasattr(self, "folder"):
            return
        self.feed.let_go = True
        for queue in self.feed.steps.values():
            for _ in range(200):
                queue.put("rest")
        for reader in self.readers:
            reader.join(20)
            assert not reader.is_alive()
            assert not isinstance(reader.failure, AssertionError), reader.failure
            assert len(reader.got) < reader.blob.size or reader.got == reader.blob.raw
        assert self.downloads.settle(20)
        self.blobs_are_what_their_names_say()
        assert list((self.folder / "ingest").iterdir()) == []
        self.downloads.close()
        self.store.close()
        shutil.rmtree(self.folder)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(
    max_examples=25, stateful_step_count=25, suppress_health_check=list(HealthCheck), database=None
)
