"""The list of nodes, and nodes whose database a newer one has migrated."""

import psycopg
import pytest
import requests
from werkzeug.test import Client

from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.storage.migration_scripts import MIGRATIONS
from ecr_emulator.storage.postgres import schema
from ecr_emulator.version import __version__
from tests.support.admin_api import AdminClient
from tests.support.nodes import node_processes

NEWER = rf"schema version {len(MIGRATIONS) + 1}, written by a newer ecr-emulator"


@pytest.fixture
def migrate(monkeypatch):
    """A function that migrates a database as a newer node does when it starts."""

    def migrate(uri):
        with monkeypatch.context() as newer, psycopg.connect(uri, autocommit=True) as connection:
            newer.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ""))
            newer.setitem(schema.STEPS, len(MIGRATIONS) + 1, "ALTER TABLE repositories ADD COLUMN later TEXT")
            schema.migrate(connection)

    return migrate


@pytest.fixture
def uri(nodes):
    """The database, whose schema is as before after the test."""
    yield nodes.settings.database
    with psycopg.connect(nodes.settings.database, autocommit=True) as connection:
        connection.execute("ALTER TABLE repositories DROP COLUMN IF EXISTS later")
        connection.execute("UPDATE schema_version SET version = %s", (len(MIGRATIONS),))


def listed(node):
    return AdminClient(node.wsgi).get("/_ecr/nodes").json["nodes"]


def test_nodes_are_listed_until_they_end(nodes):
    one, other = nodes.emulators
    assert [(node["this"], node["running"], node["version"]) for node in listed(other)] == [
        (False, True, __version__),
        (True, True, __version__),
    ]
    assert "ecr_emulator_nodes 2.0" in Client(one.wsgi).get("/_ecr/metrics").text
    nodes.stop(one)
    assert [node["this"] for node in listed(other)] == [True]


def test_a_node_that_gives_no_sign_of_life_does_not_count_as_running(nodes):
    with psycopg.connect(nodes.settings.database, autocommit=True) as connection:
        connection.execute("INSERT INTO nodes VALUES ('old', 'host', 1, '1', now(), now() - interval '31 seconds')")
    assert [node["running"] for node in listed(nodes.emulators[0])] == [True, True, False]


def test_a_node_refuses_requests_once_a_newer_one_has_migrated_the_database(nodes, uri, migrate):
    one, other = nodes.emulators
    reasons = []
    one._store.other_nodes.at_newer_schema(reasons.append)
    migrate(uri)
    for node in (one, other):
        http = Client(node.wsgi)
        for path in ("/v2/", "/_ecr/ready", "/_ecr/clock"):
            assert http.get(path).status_code == 503
        assert NEWER.split(",", maxsplit=1)[0] in http.get("/_ecr/clock").json["error"]
        assert http.get("/_ecr/health").status_code == 200
    assert len(reasons) == 1


def test_a_node_that_has_not_heard_of_the_migration_writes_nothing(nodes, uri, migrate):
    migrate(uri)
    with pytest.raises(StorageFailure, match=NEWER), nodes.emulators[0]._store.writing():
        pass


def test_a_served_node_says_why_it_stops(uri, migrate, tmp_path):
    with node_processes(uri, tmp_path) as processes:
        node = processes.start()
        migrate(uri)
        assert requests.get(f"{node.url}/v2/", timeout=10).status_code == 503
        assert node.process.wait(30) == 1
        assert "written by a newer ecr-emulator" in (tmp_path / "node-1" / "log").read_text()
