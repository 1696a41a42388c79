"""The queries of pulls, pushes and pages search by keys: none reads a whole table or a whole repository."""

import sqlite3
from contextlib import closing

import pytest

from ecr_emulator.storage import (
    documents,
    events,
    image_relations,
    images,
    inventory,
    layers,
    listings,
    pulls,
    repositories,
    tags,
    tasks,
)
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
    "page of cached tags": tags._CACHED_PAGE,
    "page of tasks": tasks._AFTER,
    "events before another": events._BEFORE,
    "parents": image_relations._PARENTS,
    "referrers": image_relations._REFERRERS,
    "layer": layers._FIND,
    "images by push": listings._IMAGES,
    "images by tag": listings._TAGGED,
}


@pytest.mark.parametrize("query", HOT)
def test_a_hot_query_neither_scans_nor_sorts(database, query):
    plan = plan_of(HOT[query], database)
    assert any(step.startswith("SEARCH") for step in plan)
    assert not [step for step in plan if step.startswith("SCAN") or step.endswith("FOR ORDER BY")], plan


def test_the_totals_of_blobs_are_read_from_an_index_alone(database):
    plan = plan_of(inventory._BLOB_TOTALS, database)
    assert "SCAN layers USING COVERING INDEX layers_by_digest" in plan


def plan_of(statement, database):
    """Return the steps by which SQLite executes a statement."""
    SqlStore(database, durable=False).close()
    with closing(sqlite3.connect(database)) as connection:
        compiled = statement._for(connection)
        values = dict.fromkeys(compiled.parameters, 0)
        return [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", values)]


def test_awaited_images_are_found_without_reading_the_other_images(database):
    plan = plan_of(documents._AWAITED, database)
    assert plan[0] == "SCAN image_documents USING INDEX images_awaited"
    assert "SEARCH images USING INTEGER PRIMARY KEY (rowid=?)" in plan


def test_the_tasks_of_a_repository_are_found_without_reading_the_others(database):
    plan = plan_of(tasks._DUE_IN_REPOSITORY, database)
    assert not [step for step in plan if step.startswith("SCAN tasks")], plan
