"""``--blobs``: the layers in a directory of their own, which belongs to one database."""

from __future__ import annotations

from contextlib import closing

import pytest
import requests

from ecr_emulator.domain.names import digest_of
from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from tests.support.blob_places import Bucket
from tests.support.command_line import invoke
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.s3 import KEY, SECRET

pytestmark = pytest.mark.sqlite

APP = "team/app"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture
def settings(place, tmp_path):
    return Settings(data_dir=tmp_path / "state", blobs=place.setting)


def pushed(settings):
    """Push an image to an emulator that is then stopped."""
    with Emulator(settings) as emulator:
        docker, app = Docker(emulator), an_image(7)
        docker.ecr.create_repository(repositoryName=APP)
        docker.push(app, "v1")
    return app


def has(docker, app):
    """Return whether an image and its first layer can be pulled."""
    layer = docker.get(f"/v2/{APP}/blobs/{app.layers[0].digest}")
    return docker.get(f"/v2/{APP}/manifests/v1").data == app.raw and layer.data == app.layers[0].raw


def test_the_layers_are_there_after_a_restart(settings, place):
    app = pushed(settings)
    assert not (settings.data_dir / "blobs").exists()
    assert len(place.blobs()) == len(app.blobs)
    with Emulator(settings) as emulator:
        assert has(Docker(emulator), app)


def test_snapshots_and_saved_states_bring_back_the_layers(settings, place):
    with Emulator(settings) as emulator:
        docker, app = Docker(emulator), an_image(7)
        docker.ecr.create_repository(repositoryName=APP)
        docker.push(app, "v1")
        snapshot, saved = emulator.snapshots.take(), docker.http.get("/_ecr/state").data
        emulator.reset()
        emulator.snapshots.restore(snapshot)
        assert has(docker, app)
        del snapshot
        emulator.reset()
        assert not place.blobs()
        docker.http.put("/_ecr/state", data=saved)
        assert has(docker, app)
    with Emulator(settings) as emulator:
        assert has(Docker(emulator), app)


def test_collection_at_rest_keeps_what_images_need(settings, place):
    app = pushed(settings)
    place.put(f"blobs/sha256/00/{'00' * 32}", b"needless")
    outcome = invoke(None, "gc", "--data-dir", str(settings.data_dir), "--blobs", str(settings.blobs), **KEYS)
    assert outcome.exit_code == 0, outcome.output
    assert "1 blobs with 8 bytes are gone" in outcome.output
    with Emulator(settings) as emulator:
        assert has(Docker(emulator), app)


def test_a_directory_of_another_database_is_refused(settings, tmp_path):
    pushed(settings)
    with pytest.raises(StateMismatch, match="layers belongs to another database"):
        Emulator(Settings(data_dir=tmp_path / "other", blobs=settings.blobs))
    Emulator(Settings(data_dir=tmp_path / "other")).close()


def test_a_data_directory_is_refused_without_its_layers(settings):
    pushed(settings)
    with pytest.raises(StateMismatch, match=r"are not in the data directory .*state: use --blobs"):
        Emulator(Settings(data_dir=settings.data_dir))


def test_a_data_directory_with_layers_of_its_own_is_refused(settings):
    pushed(Settings(data_dir=settings.data_dir))
    with pytest.raises(StateMismatch, match="has layers of its own: use it without --blobs"):
        Emulator(settings)


def test_the_data_directory_of_another_emulator_is_no_directory_for_layers(tmp_path):
    app = pushed(Settings(data_dir=tmp_path / "other"))
    with pytest.raises(StateMismatch, match="other has layers that belong to another database"):
        Emulator(Settings(data_dir=tmp_path / "state", blobs=tmp_path / "other"))
    with Emulator(Settings(data_dir=tmp_path / "other")) as emulator:
        assert has(Docker(emulator), app)


def test_layers_without_a_place_for_the_metadata_are_refused(settings):
    with pytest.raises(StateMismatch, match="--blobs needs --database or --data-dir"):
        Emulator(Settings(blobs=settings.blobs))


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    settings = Settings(data_dir=tmp_path / "state", blobs=tmp_path / "layers")
    settings.blobs.write_text("a file")
    with pytest.raises(StorageFailure, match=r"The folder of blobs .*layers cannot be used: File exists"):
        Emulator(settings)


@pytest.mark.journey
def test_a_database_and_layers_elsewhere_need_no_data_directory(databases, place, tmp_path):
    settings = Settings(database=databases(), blobs=place.setting)
    app = pushed(settings)
    with Emulator(settings) as emulator:
        assert has(Docker(emulator), app)
        assert not emulator.temporary
    with pytest.raises(StateMismatch, match="are not in the data directory"):
        Emulator(Settings(database=settings.database, data_dir=tmp_path / "state"))


def test_downloads_are_redirected_to_the_bucket(s3_server, tmp_path):
    with closing(Bucket(s3_server, tmp_path / "scratch")) as place:
        settings = Settings(data_dir=tmp_path / "state", blobs=place.setting, redirect_blobs=True)
        with Emulator(settings) as emulator:
            docker, app = Docker(emulator), an_image(7)
            docker.ecr.create_repository(repositoryName=APP)
            docker.push(app, "v1")
            path = f"/v2/{APP}/blobs/{app.layers[0].digest}"
            redirect = docker.get(path)
            assert redirect.status_code == 307
            assert requests.get(redirect.headers["Location"], timeout=20).content == app.layers[0].raw
            assert docker.send("HEAD", path).status_code == 200
            url = docker.ecr.get_download_url_for_layer(repositoryName=APP, layerDigest=app.layers[0].digest)
            download = docker.http.get(url["downloadUrl"])
            assert (download.status_code, download.headers["Location"].partition("?")[0]) == (
                307,
                redirect.headers["Location"].partition("?")[0],
            )
            assert docker.get(f"/v2/{APP}/blobs/{digest_of(b'missing')}").status_code == 404


@pytest.mark.parametrize("text", ["s3:/bucket/prefix", "s3:bucket", "gs://bucket/prefix"])
def test_a_url_without_a_bucket_is_refused_and_no_directory(text):
    outcome = invoke(None, "settings", "--blobs", text)
    assert outcome.exit_code == 2
    assert "--blobs must be a directory or s3://bucket/prefix, with ?endpoint=URL" in outcome.output
    assert f"not '{text}'" in outcome.output


def test_the_part_of_a_url_of_s3_that_is_wrong_is_named():
    outcome = invoke(None, "settings", "--blobs", "s3://layers?endpoint=minio:9000")
    assert outcome.exit_code == 2
    assert (
        "not 's3://layers?endpoint=minio:9000': the endpoint 'minio:9000' must be http:// or https://" in outcome.output
    )


def test_redirects_need_a_bucket(tmp_path):
    with pytest.raises(StateMismatch, match="--redirect-blobs needs --blobs s3://"):
        Emulator(Settings(data_dir=tmp_path / "state", redirect_blobs=True))
