"""The number of SQL statements of a request: of a pull that is not remembered, of a push, and of a new repository."""

from datetime import timedelta

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.sql_statements import SqlStatements

IMAGE = an_image(1)
TAG = "/v2/team/app/manifests/v1"
DIGEST = f"/v2/team/app/manifests/{IMAGE.digest}"
BLOB = f"/v2/team/app/blobs/{IMAGE.blobs[0].digest}"


@pytest.fixture
def sql(monkeypatch):
    statements = SqlStatements()
    statements.watch(monkeypatch)
    return statements


@pytest.fixture
def docker(sql):
    with Emulator(Settings(), FrozenClock()) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(IMAGE, "v1")
        for path in (TAG, BLOB):
            docker.get(path)
        yield docker


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [TAG, DIGEST, BLOB], ids=["tag", "digest", "blob"])
def test_a_pull_makes_one_query(docker, sql, method, path):
    with sql.counted() as statements:
        assert docker.send(method, f"{path}?not=remembered").status_code == 200
    assert len(statements) == 1, statements


@pytest.mark.parametrize("path", [DIGEST, BLOB], ids=["digest", "blob"])
def test_a_pull_that_a_rule_covers_makes_one_query(docker, sql, path):
    docker.ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="team", upstreamRegistryUrl="public.ecr.aws")
    with sql.counted() as statements:
        assert docker.get(f"{path}?not=remembered").status_code == 200
    assert len(statements) == 1, statements


def test_a_pull_that_is_recorded_makes_one_change_more(docker, sql):
    docker.emulator.clock.advance(timedelta(minutes=2))
    with sql.counted() as statements:
        assert docker.get(TAG).status_code == 200
    assert len(statements) == 2, statements


@pytest.mark.parametrize(("mutability", "others"), [("MUTABLE", 10), ("IMMUTABLE", 11)])
def test_a_push_makes_two_statements_for_each_blob_and_few_others(docker, sql, mutability, others):
    docker.ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability=mutability)
    image = an_image(2)
    for blob in image.blobs:
        docker.push_blob(blob)
    with sql.counted() as statements:
        docker.ecr.put_image(repositoryName="team/app", imageManifest=image.raw.decode(), imageTag="v2")
    assert len(statements) == others + 2 * len(image.blobs), statements


def test_a_further_chunk_of_a_blob_makes_one_statement(docker, sql):
    location = docker.begin()
    docker.send("PATCH", location, data=b"first")
    with sql.counted() as statements:
        assert docker.send("PATCH", location, data=b"second").status_code == 202
    assert len(statements) == 1, statements


def test_a_new_repository_makes_five_statements(docker, sql):
    with sql.counted() as statements:
        docker.ecr.create_repository(repositoryName="team/other")
    assert len(statements) == 5, statements
    assert not [each for each in statements if "count(" in each]


@pytest.mark.parametrize("path", ["/v2/team/none/manifests/v1", "/v2/team/app/manifests/none", "/v2/team/app/blobs/"])
def test_what_is_not_there_is_said_to_be_not_there(docker, path):
    absent = f"sha256:{'0' * 64}" if path.endswith("/") else ""
    answer = docker.get(path + absent)
    code = "NAME_UNKNOWN" if "none/" in path else "BLOB_UNKNOWN" if absent else "MANIFEST_UNKNOWN"
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (404, code)
