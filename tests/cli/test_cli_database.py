"""``--database``: the metadata in PostgreSQL, and the layers in the data directory that belongs to it."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from tests.support.command_line import invoke
from tests.support.docker import Docker
from tests.support.images import an_image

APP = "team/app"
pytestmark = pytest.mark.journey


@pytest.fixture
def settings(databases, tmp_path):
    return Settings(data_dir=tmp_path / "state", database=databases())


def pushed(settings):
    """Push an image to an emulator that is then stopped."""
    with Emulator(settings) as emulator:
        docker, app = Docker(emulator), an_image(7)
        docker.ecr.create_repository(repositoryName=APP)
        docker.push(app, "v1")
    return app


def pulled(docker):
    """Return the manifest of an image whose first layer can be pulled, too."""
    manifest = docker.get(f"/v2/{APP}/manifests/v1")
    layer = docker.get(f"/v2/{APP}/blobs/{manifest.json['layers'][0]['digest']}")
    assert (manifest.status_code, layer.status_code) == (200, 200)
    return manifest.data


def test_an_image_is_there_after_a_restart(settings):
    app = pushed(settings)
    with Emulator(settings) as emulator:
        assert pulled(Docker(emulator)) == app.raw


def test_a_saved_state_moves_between_sqlite_and_postgres(settings, tmp_path):
    app = pushed(settings)
    files = Settings(data_dir=tmp_path / "files")
    with Emulator(settings) as emulator:
        saved = Docker(emulator).http.get("/_ecr/state").data
    with Emulator(files) as emulator:
        docker = Docker(emulator)
        assert docker.http.put("/_ecr/state", data=saved).status_code == 200
        assert pulled(docker) == app.raw
        saved = docker.http.get("/_ecr/state").data
    with Emulator(settings) as emulator:
        docker = Docker(emulator)
        docker.ecr.delete_repository(repositoryName=APP, force=True)
        assert docker.http.put("/_ecr/state", data=saved).status_code == 200
    with Emulator(settings) as emulator:
        assert pulled(Docker(emulator)) == app.raw


def test_collection_at_rest_keeps_what_the_database_needs(settings):
    app = pushed(settings)
    outcome = invoke(None, "gc", "--data-dir", str(settings.data_dir), "--database", settings.database)
    assert outcome.exit_code == 0, outcome.output
    with Emulator(settings) as emulator:
        assert pulled(Docker(emulator)) == app.raw


def test_another_database_would_have_all_layers_collected_and_is_refused(settings, databases):
    pushed(settings)
    with pytest.raises(StateMismatch, match="belongs to another database"):
        Emulator(Settings(data_dir=settings.data_dir, database=databases()))
    with pytest.raises(StateMismatch, match="are in PostgreSQL: use --database"):
        Emulator(Settings(data_dir=settings.data_dir))


def test_a_data_directory_with_a_database_of_its_own_is_refused(settings):
    Emulator(Settings(data_dir=settings.data_dir)).close()
    with pytest.raises(StateMismatch, match=r"has its metadata in ecr\.sqlite"):
        Emulator(settings)


def test_a_database_without_a_place_for_layers_is_refused():
    with pytest.raises(StateMismatch, match="--database needs --blobs or --data-dir: layers would be gone"):
        Emulator(Settings(database="postgresql:///ecr"))


def test_an_address_of_another_kind_of_database_is_refused_without_printing_it():
    outcome = invoke(None, "settings", "--database", "mysql://user:secret@host/ecr")
    assert outcome.exit_code == 2
    assert "must be the URI of a PostgreSQL database, like postgresql://user@host/name" in outcome.output
    assert "secret" not in outcome.output
