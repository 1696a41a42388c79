"""Units of work: their commits, the state that concurrent units see, and the order of waiting threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread

import pytest

from ecr_emulator.errors import RepositoryNotFoundException
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.connections import Pool
from ecr_emulator.storage.store import READERS, SqlStore
from tests.support.images import an_image
from tests.support.storage import HOME, NOW, a_repository, row_counts, store_manifest


def names(work):
    return [repository.name for repository in work.repositories.page(HOME, "", 10_000)]


def test_a_unit_of_work_that_raises_stores_nothing(store):
    def add_and_fail():
        with store.writing() as work:
            work.repositories.add(a_repository())
            work.repositories.get(HOME, "nothing")

    with pytest.raises(RepositoryNotFoundException):
        add_and_fail()
    with store.reading() as work:
        assert names(work) == []


def test_a_store_keeps_its_content_when_it_is_opened_again(database):
    store = SqlStore(database, durable=True)
    with store.writing() as work:
        repository = work.repositories.add(a_repository())
    key = store.signing_key()
    store.close()
    again = SqlStore(database, durable=True)
    with again.reading() as work:
        assert work.repositories.get(HOME, "team/app") == repository
    assert again.signing_key() == key
    assert len(key) == 32
    again.close()
    assert {path.name for path in database.parent.iterdir()} == {database.name, "ecr.ballast"}


def test_a_closed_store_refuses_to_open_a_unit(store):
    store.close()
    with pytest.raises(StorageFailure, match="closed"), store.reading():
        pass


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_its_work(store):
    with store.writing() as work:
        work.repositories.add(a_repository())
        with store.reading() as other:
            assert names(other) == []


def test_a_reader_sees_one_moment(store):
    def add():
        with store.writing() as other:
            other.repositories.add(a_repository())

    with store.reading() as work, ThreadPoolExecutor(1) as threads:
        assert names(work) == []
        threads.submit(add).result()
        assert names(work) == []


@pytest.mark.parametrize(("outer", "inner"), [("reading", "reading"), ("reading", "writing"), ("writing", "writing")])
def test_a_unit_inside_another_is_refused(store, outer, inner):
    def unit(kind):
        return getattr(store, kind)()

    with unit(outer), pytest.raises(RuntimeError, match=f"a {inner} unit inside a {outer} one"), unit(inner):
        pass
    with unit(inner):
        pass


def test_a_reader_cannot_write(store):
    with pytest.raises(Exception, match=r"read-?only"), store.reading() as work:
        work.repositories.add(a_repository())


def test_a_reset_leaves_the_schema_and_the_signing_key(store, repository):
    key = store.signing_key()
    with store.writing() as work:
        store_manifest(work, repository, an_image().raw, "v1")
        work.service_linked_roles.add(HOME.id, "ecr")
    store.reset()
    kept = {table for table, count in row_counts(store).items() if count}
    assert kept == {"state"}
    assert store.signing_key() == key


def test_hundreds_of_threads_write_and_read_side_by_side(store, repository):
    with store.writing() as work:
        image = store_manifest(work, repository, an_image().raw, "v0")
    start = Barrier(200)

    def write_and_read(number):
        start.wait()
        with store.writing() as work:
            work.tags.put(repository, f"v{number}", image, NOW)
        with store.reading() as work:
            return f"v{number}" in work.tags.find(repository, "v0").tags

    with ThreadPoolExecutor(200) as threads:
        assert all(threads.map(write_and_read, range(200)))
    with store.reading() as work:
        assert len(work.tags.page(repository, "", 1_000)) == 200


def test_readers_go_on_while_writers_queue(store, repository):
    done = Event()

    def write():
        with store.writing() as work:
            work.events.after(0, 1)

    with store.writing():
        writers = [Thread(target=write) for _ in range(READERS * 2)]
        for writer in writers:
            writer.start()
        reader = Thread(target=lambda: (names_of(store), done.set()))
        reader.start()
        assert done.wait(30)
    for thread in (*writers, reader):
        thread.join()


def names_of(store):
    with store.reading() as work:
        return names(work)


class Lent:
    """A resource that a pool lends."""

    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_a_pool_serves_in_order_of_arrival():
    pool = Pool(Lent, 1)
    lent = pool.take()
    served = []

    def take_turn(number):
        thing = pool.take()
        served.append(number)
        pool.give(thing)

    threads = []
    for number in range(10):
        thread = Thread(target=take_turn, args=(number,))
        thread.start()
        while len(pool._queue) <= number:  # the next thread starts when this one has queued
            pass
        threads.append(thread)
    pool.give(lent)
    for thread in threads:
        thread.join()
    assert served == list(range(10))


def test_a_pool_opens_only_as_many_connections_as_are_used_at_once():
    opened = []

    def opening():
        opened.append(Lent())
        return opened[-1]

    pool = Pool(opening, 8)
    for _ in range(100):
        first, second = pool.take(), pool.take()
        pool.give(first)
        pool.give(second)
    assert len(opened) == 2
    lent = pool.take()
    pool.close()
    assert [thing.closed for thing in opened] == [thing is not lent for thing in opened]
    pool.give(lent)
    assert lent.closed


def test_a_pool_tries_again_after_a_failed_opening():
    outcomes = iter([OSError("too many open files"), Lent()])

    def opening():
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    pool = Pool(opening, 1)
    with pytest.raises(OSError, match="too many"):
        pool.take()
    assert pool.take()
