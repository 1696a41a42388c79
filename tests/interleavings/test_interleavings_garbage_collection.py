"""Writes, interrupted at every step: nothing is lost after a client was told that it is stored.

Each story runs at every interleaving of its steps with those of a garbage collection or a reset.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.domain.repository import Repository
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import Content, layer
from tests.support.boto import client_of
from tests.support.clock import FrozenClock
from tests.support.interleaving import every_interleaving, switched

pytestmark = pytest.mark.slow

ACCOUNT = "000000000000"
APP, BASE = "team/app", "team/base"
BLOB = layer("blob", 100)
IMAGE = Content(
    json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": BLOB.descriptor | {"mediaType": "application/vnd.oci.image.config.v1+json"},
            "layers": [BLOB.descriptor],
        }
    ).encode(),
    "application/vnd.oci.image.manifest.v1+json",
)
CLEAN = {
    (404, "BLOB_UPLOAD_UNKNOWN"),
    (404, "NAME_UNKNOWN"),
    (404, "BLOB_UNKNOWN"),
    "RepositoryNotFoundException",
    "UploadNotFoundException",
    "LayersNotFoundException",
}


class Refused(Exception):
    """A request did not get the response that the story expects."""


class RegistryClient:
    """A client of an emulator whose clock is stopped."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.http = Client(emulator.wsgi)
        self.ecr = client_of(emulator, "ecr", account=ACCOUNT)
        self.blobs = f"/v2/{APP}/blobs"

    def ask(self, method, path, *expected, **how):
        answer = self.http.open(path, method=method, **how)
        if answer.status_code not in expected:
            code = answer.json["errors"][0]["code"] if answer.json else ""
            raise Refused(answer.status_code, code)
        return answer

    def put_manifest(self):
        path = f"/v2/{APP}/manifests/v1"
        self.ask("PUT", path, 201, data=IMAGE.raw, headers={"Content-Type": IMAGE.media_type})

    def finish(self, answer):
        location = answer.headers["Location"]
        self.ask("PUT", f"{location}?digest={BLOB.digest}", 201)

    def advance(self, **time):
        self.emulator.clock.advance(timedelta(**time))

    def rows(self, column, table):
        with closing(sqlite3.connect(self.emulator.data_dir / "ecr.sqlite")) as database:
            return {row[0] for row in database.execute(f"SELECT {column} FROM {table}")}

    def files(self):
        """Return the digests of the blobs on the disk, and the names of uploads."""
        blobs = {f"{path.parts[-3]}:{path.name}" for path in self.emulator.data_dir.glob("blobs/*/*/*")}
        return blobs, {path.name for path in self.emulator.data_dir.glob("ingest/*")}

    def check(self):
        """Check that the disk has all files that the database knows, and no others."""
        assert self.files() == (self.rows("digest", "layers"), self.rows("id", "uploads"))


@pytest.fixture
def client():
    settings = Settings(registry_auth="open", account=ACCOUNT)
    with Emulator(settings, FrozenClock()) as emulator:
        yield RegistryClient(emulator)


# --- Stories: each begins with a state and ends with an image whose layer can be pulled ------------------


def push_in_chunks(client):
    started = client.ask("POST", f"{client.blobs}/uploads/", 202)
    client.finish(client.ask("PATCH", started.headers["Location"], 202, data=BLOB.raw))


def push_at_once(client):
    client.ask("POST", f"{client.blobs}/uploads/?digest={BLOB.digest}", 201, data=BLOB.raw)


def push_by_parts(client):
    upload = client.ecr.initiate_layer_upload(repositoryName=APP)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": BLOB.size - 1, "layerPartBlob": BLOB.raw}
    client.ecr.upload_layer_part(repositoryName=APP, uploadId=upload, **part)
    client.ecr.complete_layer_upload(repositoryName=APP, uploadId=upload, layerDigests=[BLOB.digest])


def mount_or_push(client):
    answer = client.ask("POST", f"{client.blobs}/uploads/?mount={BLOB.digest}&from={BASE}", 201, 202)
    if answer.status_code == 202:
        client.finish(client.ask("PATCH", answer.headers["Location"], 202, data=BLOB.raw))


def push_unless_it_is_there(client):
    if client.ask("HEAD", f"{client.blobs}/{BLOB.digest}", 200, 404).status_code == 404:
        push_at_once(client)


def push_unless_it_is_available(client):
    answer = client.ecr.batch_check_layer_availability(repositoryName=APP, layerDigests=[BLOB.digest])
    if answer["layers"][0]["layerAvailability"] == "UNAVAILABLE":
        push_at_once(client)


def go_on_with_an_upload(client):
    [upload] = client.rows("id", "uploads") or ["00000000-0000-0000-0000-000000000000"]
    answer = client.http.patch(f"{client.blobs}/uploads/{upload}", data=BLOB.raw[50:])
    if answer.status_code == 404:
        push_in_chunks(client)
    else:
        assert answer.status_code == 202, answer.text
        client.finish(answer)


# --- States before a story -------------------------------------------------------------------------------


def nothing(client):
    """A new repository."""


def an_old_layer(client):
    """A layer that no image refers to, pushed more than a day ago."""
    push_at_once(client)
    client.advance(hours=30)


def a_layer_elsewhere(client):
    """A layer that can be mounted, pushed more than a day ago."""
    client.ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    client.ask("POST", f"/v2/{BASE}/blobs/uploads/?digest={BLOB.digest}", 201, data=BLOB.raw)
    client.advance(hours=30)


def an_old_upload(client):
    """Half an upload, more than a day old."""
    started = client.ask("POST", f"{client.blobs}/uploads/", 202)
    client.ask("PATCH", started.headers["Location"], 202, data=BLOB.raw[:50])
    client.advance(hours=30)


def a_file_that_nobody_knows(client):
    """The bytes of the layer, left by a crash."""
    writer = client.emulator.services.blobs.begin(client.emulator.services.ids.uuid())
    writer.write(BLOB.raw)
    assert writer.commit(BLOB.digest)


STORIES = [
    (nothing, push_in_chunks),
    (nothing, push_at_once),
    (nothing, push_by_parts),
    (a_file_that_nobody_knows, push_at_once),
    (an_old_layer, push_at_once),
    (an_old_layer, push_unless_it_is_there),
    (an_old_layer, push_unless_it_is_available),
    (a_layer_elsewhere, mount_or_push),
    (an_old_upload, go_on_with_an_upload),
]
stories = pytest.mark.parametrize(
    ("found", "story"), STORIES, ids=[f"{found.__name__}-{story.__name__}" for found, story in STORIES]
)


# --- Events in between -----------------------------------------------------------------------------------


def collect(client):
    """Send ``POST /_ecr/gc`` without a grace."""
    client.emulator.services.garbage_collector.collect(client.emulator.clock.now())


def wait_a_day(client):
    """Send ``POST /_ecr/clock``, which makes the daily collection due."""
    client.advance(hours=24)
    client.emulator.services.background.catch_up(client.emulator.clock.now())


def collect_everything(client):
    """Send ``POST /_ecr/gc`` without a grace, a moment later."""
    client.advance(seconds=1)
    client.emulator.services.garbage_collector.collect(client.emulator.clock.now(), timedelta())


def replicate(client):
    """Perform the background work of an image: its replication to another Region."""
    client.emulator.services.background.catch_up(client.emulator.clock.now())


def delete_the_repository(client):
    with client.emulator.services.store.writing() as work:
        repository = work.repositories.find(client.emulator.services.home, APP)
        if repository:
            work.repositories.remove(repository)


def reset(client):
    """Reset everything as if the blobs were many, so that their folders are moved."""
    with patch("ecr_emulator.storage.blobs.files.PATIENCE", -1.0):
        client.emulator.reset()


def begin(client, found):
    """Start a new emulator with two repositories."""
    client.emulator._store.reset()
    services = client.emulator.services
    services.garbage_collector.sweep()
    now = client.emulator.clock.now()
    services.garbage_collector.schedule(now)
    with services.store.writing() as work:
        for name in (APP, BASE):
            work.repositories.add(Repository(services.home, name, now))
    found(client)


def check_that_it_is_there(client):
    assert client.ask("GET", f"{client.blobs}/{BLOB.digest}", 200).data == BLOB.raw
    client.advance(hours=100)
    collect_everything(client)
    assert client.ask("GET", f"{client.blobs}/{BLOB.digest}", 200).data == BLOB.raw
    client.check()


def nothing_is_lost(client, found, story, between, *, is_whole):
    """Run a story at every interleaving; return their number."""

    def push():
        story(client)
        client.put_manifest()

    def run(switch):
        begin(client, found)
        with switched(client.emulator, switch):
            switch.run(push, lambda: between(client))
        check_that_it_is_there(client)

    return every_interleaving(run, is_whole=is_whole)


@stories
@pytest.mark.parametrize("between", [collect, wait_a_day])
def test_no_push_is_lost_to_a_collection_between_two_of_its_steps(client, found, story, between):
    assert nothing_is_lost(client, found, story, between, is_whole=True) > 10


@pytest.mark.parametrize(
    ("found", "story"),
    [(nothing, push_at_once), (an_old_layer, push_unless_it_is_there), (an_old_upload, go_on_with_an_upload)],
)
def test_no_push_is_lost_whichever_steps_of_a_collection_come_between(client, found, story):
    assert nothing_is_lost(client, found, story, collect, is_whole=False) > 100


@pytest.mark.parametrize(
    ("found", "story"),
    [(nothing, push_in_chunks), (nothing, push_by_parts), (an_old_upload, go_on_with_an_upload)],
)
@pytest.mark.parametrize("between", [collect_everything, delete_the_repository, reset])
def test_a_push_that_is_cut_short_hears_why_and_leaves_nothing(client, found, story, between):
    def push():
        try:
            story(client)
            client.put_manifest()
        except Refused as refused:
            return refused.args
        except ClientError as refused:
            return refused.response["Error"]["Code"]
        return None

    def run(switch):
        begin(client, found)
        with switched(client.emulator, switch):
            refusal = switch.run(push, lambda: between(client))
        assert refusal is None or refusal in CLEAN
        client.emulator.services.garbage_collector.sweep()
        client.check()

    assert every_interleaving(run, is_whole=between is not reset) > 10


@pytest.mark.parametrize("between", [collect_everything, wait_a_day])
def test_no_replica_is_lost_to_a_collection(client, between):
    there = f"/v2/{ACCOUNT}/eu-west-1/{APP}/blobs/{BLOB.digest}"
    destination = {"region": "eu-west-1", "registryId": ACCOUNT}

    def run(switch):
        begin(client, nothing)
        client.ecr.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": [destination]}]})
        push_at_once(client)
        client.put_manifest()
        with switched(client.emulator, switch):
            switch.run(lambda: replicate(client), lambda: between(client))
        delete_the_repository(client)
        collect_everything(client)
        assert client.ask("GET", there, 200).data == BLOB.raw
        client.check()

    assert every_interleaving(run) > 10
