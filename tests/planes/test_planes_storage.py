"""Answers of both planes while another program locks the database, and after the database is damaged."""

from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.storage import store as stores
from ecr_emulator.storage.data_directory import DATABASE
from tests.support.clock import FrozenClock
from tests.support.database_files import damage, write_lock
from tests.support.images import an_image, put_image
from tests.support.planes import EmulatorClient, Refused, push

APP = an_image(1)
MANIFEST = "/v2/team/app/manifests/v1"


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "state")


@pytest.fixture
def client(settings):
    """Return a client of an emulator that holds an image and has a data directory that other programs can open."""
    with Emulator(settings, FrozenClock()) as emulator:
        client = EmulatorClient(emulator)
        client.ecr.create_repository(repositoryName="team/app")
        put_image(client.ecr, "team/app", APP, "v1")
        yield client


@pytest.fixture
def locked(client, monkeypatch):
    """Return the client while another program holds the write lock, with a busy timeout of 0."""
    monkeypatch.setattr(stores, "BUSY_TIMEOUT", 0)
    with write_lock(client.emulator.data_dir / DATABASE):
        yield client


def pulled_at(client):
    return client.ecr.describe_images(repositoryName="team/app")["imageDetails"][0].get("lastRecordedPullTime")


@pytest.mark.sqlite
def test_a_pull_does_not_wait_for_another_program_and_is_not_recorded(client, caplog):
    with write_lock(client.emulator.data_dir / DATABASE):
        assert client.call("GET", MANIFEST).data == APP.raw
    assert pulled_at(client) is None
    assert "a pull of team/app is not recorded: another program holds the lock of the database" in caplog.text
    assert client.call("GET", MANIFEST).data == APP.raw
    assert pulled_at(client) is not None


@pytest.mark.sqlite
def test_daily_work_waits_for_another_program_and_clients_do_not(client, caplog):
    with write_lock(client.emulator.data_dir / DATABASE):
        client.advance(days=2)
        for _ in range(3):
            assert client.call("GET", MANIFEST).data == APP.raw
    assert caplog.text.count("what is due waits: another program holds the lock of the database") == 1
    client.call("GET", MANIFEST)
    assert client.emulator._store.next_due > client.emulator.clock.now()


@pytest.mark.sqlite
def test_a_push_that_cannot_be_written_has_an_error_with_the_reason(locked, plane):
    with pytest.raises(Refused, match="another program holds the lock of the database"):
        plane.push_manifest("team/app", APP, "v2")
    assert locked.tags("team/app") == {"v1": APP.digest}


@pytest.fixture
def damaged(client, settings):
    """Return the client after a restart, which writes the whole database to its file, and after damage to the file."""
    client.emulator.close()
    with Emulator(settings, FrozenClock()) as emulator:
        damage(emulator.data_dir / DATABASE)
        yield EmulatorClient(emulator)


@pytest.mark.sqlite
def test_damage_during_the_run_is_reported_without_a_traceback(damaged, caplog):
    caplog.set_level(logging.DEBUG)
    words = "the database is damaged: "
    http = Client(damaged.emulator.wsgi)
    damaged.advance(days=2)
    answer = damaged.call("GET", MANIFEST)
    assert answer.status_code == 503
    assert answer.json["errors"][0]["message"].startswith(words)
    for call in (damaged.ecr.describe_repositories, damaged.ecr.describe_pull_through_cache_rules):
        with pytest.raises(ClientError, match=f"ServerException.*{words}"):
            call()
    with pytest.raises(ClientError, match=f"ServerException.*{words}"):
        damaged.ecr.create_repository(repositoryName="new")
    answer = http.get("/_ecr/ready")
    assert (answer.status_code, answer.json["error"][: len(words)]) == (503, words)
    assert http.get("/_ecr/health").status_code == 200
    assert "Traceback" not in caplog.text
    assert [record for record in caplog.records if record.exc_info] == []


@pytest.mark.blob_files
def test_a_push_that_a_full_disk_refused_succeeds_when_there_is_room(client, plane, monkeypatch):
    other = an_image(2)
    for module in ("blobs.files", "store", "ballast"):
        monkeypatch.setattr(f"ecr_emulator.storage.{module}.free_bytes", lambda _folder: 0)
    with pytest.raises((Refused, ClientError), match="the disk is full"):
        push(plane, "team/app", other, "v2")
    plane.delete("team/app", APP.digest)
    assert client.emulator.services.garbage_collector.collect(client.emulator.clock.now()).layers == 0
    monkeypatch.undo()
    push(plane, "team/app", other, "v2")
    assert client.tags("team/app") == {"v2": other.digest}


@pytest.mark.blob_files
def test_a_push_leaves_the_reserve_of_the_disk_to_others(client, plane, monkeypatch):
    other = an_image(2)
    monkeypatch.setattr("ecr_emulator.storage.blobs.files.free_bytes", lambda _folder: 100 * 1024 * 1024)
    with pytest.raises((Refused, ClientError), match=r"the disk is full, but for what is kept free \(--disk-reserve\)"):
        push(plane, "team/app", other, "v2")
    plane.push_manifest("team/app", APP, "v2")
    plane.delete("team/app", "v1")
    monkeypatch.undo()
    push(plane, "team/app", other, "v3")
    assert client.tags("team/app") == {"v2": APP.digest, "v3": other.digest}
