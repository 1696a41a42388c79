"""The number of SQL statements of a pull of a cached image that is not remembered."""

import pytest

from ecr_emulator.testing.upstream.images import image
from tests.support.clock import FrozenClock
from tests.support.pull_through import running_cache
from tests.support.sql_statements import SqlStatements

pytestmark = pytest.mark.sqlite

IMAGE = image("cached")
TAG = "/v2/quay/team/app/manifests/v1"


@pytest.fixture
def sql(monkeypatch):
    statements = SqlStatements()
    statements.watch(monkeypatch)
    return statements


@pytest.fixture
def cache(sql, upstream):
    """A cached tag that was pulled once. Nobody logs in."""
    with running_cache(upstream, clock=FrozenClock(), registry_auth="open") as cache:
        upstream.add_image("team/app", IMAGE, "v1")
        cache.rule()
        cache.http.get(TAG)
        cache.settle()
        yield cache


@pytest.mark.parametrize("path", [TAG, f"/v2/quay/team/app/blobs/{IMAGE.blobs[0].digest}"], ids=["tag", "blob"])
def test_a_pull_of_what_is_cached_makes_one_query(cache, sql, path):
    cache.http.get(path)
    with sql.counted() as statements:
        assert cache.http.get(f"{path}?not=remembered").status_code == 200
    assert len(statements) == 1, statements


def test_a_pull_sees_a_rule_that_was_deleted_before_it(cache, upstream):
    upstream.add_image("team/app", image("new"), "v1")
    cache.advance(hours=25)
    cache.ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert cache.http.get(TAG).data == IMAGE.raw
