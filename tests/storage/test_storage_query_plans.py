"""The queries of pulls, pushes and pages search by keys: none reads a whole table or a whole repository."""

import sqlite3
from contextlib import closing

import pytest

from ecr_emulator.storage import image_relations, images, layers, pulls, repositories, tags
from ecr_emulator.storage.store import SqlStore

HOT = {
    "pull by tag": pulls._BY_TAG,
    "pull by digest": pulls._BY_DIGEST,
    "pull of a blob": pulls._LAYER,
    "repository": repositories._FIND,
    "page of repositories": repositories._PAGE,
    "image": images._FIND,
    "page of images": images._PAGE,
    "page of chosen images": images._CLASS_PAGE,
    "number of images": images._COUNT,
    "image of a tag": tags._FIND,
    "page of tags": tags._PAGE,
    "parents": image_relations._PARENTS,
    "referrers": image_relations._REFERRERS,
    "layer": layers._FIND,
}


@pytest.mark.parametrize("query", HOT)
def test_a_hot_query_neither_scans_nor_sorts(database, query):
    SqlStore(database, durable=False).close()
    statement = HOT[query]
    with closing(sqlite3.connect(database)) as connection:
        values = dict.fromkeys(statement._compiled.binds, 0)
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement._sql}", values)]
    assert any(step.startswith("SEARCH") for step in plan)
    assert not [step for step in plan if step.startswith("SCAN") or step.endswith("FOR ORDER BY")], plan
