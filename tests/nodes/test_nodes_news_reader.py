"""The news of a shared database: which query serves which request, and what happens when some were missed."""

from contextlib import closing
from dataclasses import replace
from threading import Event, Thread

import pytest
from werkzeug.test import Client

from ecr_emulator.domain.task import Task
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.postgres import news, ownership
from ecr_emulator.storage.postgres.ownership import DatabaseInUse
from ecr_emulator.storage.postgres.shared_store import SharedPostgresStore
from ecr_emulator.storage.postgres.store import PostgresStore
from tests.support.programs import until
from tests.support.storage import NOW, a_repository

WAIT = 20


@pytest.fixture
def uri(databases):
    return databases()


@pytest.fixture
def one(uri):
    with closing(SharedPostgresStore(uri, durable=False)) as store:
        yield store


@pytest.fixture
def other(uri):
    with closing(SharedPostgresStore(uri, durable=False)) as store:
        yield store


@pytest.fixture
def repository(one):
    with one.writing() as work:
        return work.repositories.add(a_repository())


def change(store, repository):
    with store.writing() as work:
        work.repositories.save(replace(repository, scan_on_push=True))


def watch_of(store, repository):
    with store.reading() as work:
        return work.watch(repository)


class StoppedQueries:
    """The queries of a reader, each of which waits until the test lets it begin."""

    def __init__(self, reader, monkeypatch):
        self.begun = 0
        self.may_begin = [Event() for _ in range(3)]
        self._real = reader._later_news
        monkeypatch.setattr(reader, "_later_news", self)

    def __call__(self):
        found = self._real()  # what was committed before this moment
        self.begun += 1
        assert self.may_begin[self.begun - 1].wait(WAIT)
        return found


def test_a_query_that_began_before_a_request_does_not_serve_it(one, other, repository, monkeypatch):
    other.catch_up()
    queries = StoppedQueries(other._reader, monkeypatch)
    watch = watch_of(other, repository)
    early = Thread(target=other.catch_up)
    early.start()
    until(lambda: queries.begun == 1)
    change(one, repository)
    late = [Thread(target=other.catch_up) for _ in range(5)]
    for each in late:
        each.start()
    queries.may_begin[0].set()
    until(lambda: queries.begun == 2)
    assert all(each.is_alive() for each in late)
    queries.may_begin[1].set()
    for each in (early, *late):
        each.join(WAIT)
    assert queries.begun == 2
    assert not watch.is_unchanged


def test_a_reader_that_overlaps_news_gets_no_watch(one, other, repository):
    other.catch_up()
    with other.reading() as work:
        work.tags.find(repository, "v1")  # the state that it sees is from before the commit
        change(one, repository)
        reader = Thread(target=other.catch_up)
        reader.start()
        reader.join(WAIT)
        assert work.watch(repository) is None
    assert watch_of(other, repository).is_unchanged


def test_a_watch_from_before_the_news_ends_with_them(one, other, repository):
    other.catch_up()
    with other.reading() as work:
        work.tags.find(repository, "v1")
        change(one, repository)
        watch = work.watch(repository)
    assert watch.is_unchanged
    other.catch_up()
    assert not watch.is_unchanged


def test_news_that_were_missed_end_all_watches(one, other, repository, monkeypatch):
    monkeypatch.setattr(news, "KEPT", 3)
    with one.writing() as work:
        second = work.repositories.add(a_repository("team/other"))
    other.catch_up()
    watch = watch_of(other, second)
    for _ in range(7):
        change(one, repository)
    other.catch_up()
    assert not watch.is_unchanged


def test_a_layer_of_another_node_ends_no_watch_but_counts(one, other, repository):
    def totals():
        with other.reading() as work:
            return work.inventory.blob_totals()

    other.catch_up()
    watch = watch_of(other, repository)
    assert totals() == (0, 0)
    with one.writing() as work:
        work.layers.add(repository, f"sha256:{1:064x}", 10, NOW)
    other.catch_up()
    assert totals() == (1, 10)
    assert watch.is_unchanged


def test_the_time_of_the_next_task_is_known_after_a_commit_of_another_node(one, other):
    with one.writing() as work:
        work.tasks.add(Task("key", "kind", NOW, {}))
    assert other.next_due is None
    other.catch_up()
    assert other.next_due == one.next_due == NOW
    with other.writing() as work:
        work.tasks.remove("key")
    one.catch_up()
    assert one.next_due is None


def test_older_news_do_not_replace_the_time_that_an_own_commit_has_set(one, other, monkeypatch):
    with one.writing() as work:
        work.tasks.add(Task("key", "kind", NOW, {}))
    queries = StoppedQueries(other._reader, monkeypatch)
    reader = Thread(target=other.catch_up)
    reader.start()
    until(lambda: queries.begun == 1)
    with other.writing() as work:
        work.tasks.remove("key")
    queries.may_begin[0].set()
    reader.join(WAIT)
    assert other.next_due is None


def test_tasks_of_a_store_that_was_not_shared_are_known(uri):
    with closing(SharedPostgresStore(uri, durable=False)):
        pass
    with closing(PostgresStore(uri, durable=False)) as alone, alone.writing() as work:
        work.tasks.add(Task("key", "kind", NOW, {}))
    with closing(SharedPostgresStore(uri, durable=False)) as store:
        assert store.next_due == NOW


def test_everything_counts_as_changed_after_a_restart_of_the_server(postgres, one, other, repository):
    other.catch_up()
    watch = watch_of(other, repository)
    postgres.stop()
    with pytest.raises(StorageFailure, match="the database cannot be used"):
        other.catch_up()
    postgres.start()
    other.catch_up()
    assert not watch.is_unchanged


def test_all_requests_that_wait_for_a_query_fail_with_it(one, monkeypatch):
    waiting = Event()

    def fail():
        assert waiting.wait(WAIT)
        raise StorageFailure("the database cannot be used: gone")

    monkeypatch.setattr(one._reader, "_later_news", fail)
    failures = []

    def catch_up():
        try:
            one.catch_up()
        except StorageFailure as failure:
            failures.append(failure.reason)

    threads = [Thread(target=catch_up) for _ in range(4)]
    for each in threads:
        each.start()
    waiting.set()
    for each in threads:
        each.join(WAIT)
    assert failures == ["the database cannot be used: gone"] * 4


def test_an_emulator_with_layers_of_its_own_and_a_node_refuse_each_other(uri, one, monkeypatch):
    monkeypatch.setattr(ownership, "_TAKE", ownership._TAKE.replace(str(ownership.PATIENCE), "50"))
    with pytest.raises(DatabaseInUse, match="started with --blobs"):
        PostgresStore(uri, durable=False)
    one.close()
    with closing(PostgresStore(uri, durable=False)), pytest.raises(DatabaseInUse, match="started with --blobs"):
        SharedPostgresStore(uri, durable=False)


def test_a_node_without_its_database_answers_probes_and_refuses_the_rest(postgres, nodes):
    http = Client(nodes.emulators[0].wsgi)
    assert http.get("/v2/").status_code == 200
    postgres.stop()
    try:
        assert http.get("/_ecr/health").status_code == 200
        assert http.get("/_ecr/ready").status_code == 503
        refused = http.get("/v2/")
        assert refused.status_code == 503
        assert "the database cannot be used" in refused.json["errors"][0]["message"]
    finally:
        postgres.start()
    assert http.get("/v2/").status_code == 200
