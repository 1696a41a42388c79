"""A first start that fails leaves nothing in the data directory; a later one leaves everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.storage_failures import StorageFailure
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from ecr_emulator.storage.blobs.s3_place import read_place
from ecr_emulator.storage.first_start import FirstStart
from tests.support.docker import Docker
from tests.support.images import an_image
from tests.support.s3 import hangs_up, refuses

pytestmark = pytest.mark.sqlite
NO_DATABASE = "postgresql://127.0.0.1:9/none"


@pytest.fixture
def place(moto_s3):
    yield read_place(moto_s3.new_url())
    moto_s3.faults.clear()


def missing(place):
    """Return a place in a bucket that does not exist."""
    return read_place(place.url.replace(place.bucket, "missing-bucket"))


def failing(settings, failure=StorageFailure):
    with pytest.raises(failure):
        Emulator(settings)


def test_a_missing_bucket_leaves_no_folder(place, tmp_path):
    failing(Settings(data_dir=tmp_path / "new" / "state", blobs=missing(place)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("blobs", [None, "layers"])
def test_a_database_that_refuses_leaves_no_folder(tmp_path, blobs):
    failing(Settings(data_dir=tmp_path / "state", database=NO_DATABASE, blobs=blobs and tmp_path / blobs))
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_of_another_database_leaves_no_folder(place, tmp_path):
    Emulator(Settings(data_dir=tmp_path / "state", blobs=place)).close()
    failing(Settings(data_dir=tmp_path / "other", blobs=place), StateMismatch)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_folder_that_was_there_keeps_what_others_have_put_there(place, tmp_path):
    (tmp_path / "notes").write_text("of the user")
    failing(Settings(data_dir=tmp_path, blobs=missing(place)))
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_the_same_command_works_when_the_cause_is_mended(place, moto_s3, tmp_path):
    settings = Settings(data_dir=tmp_path / "state", blobs=missing(place))
    failing(settings)
    moto_s3.client.create_bucket(Bucket="missing-bucket")
    Emulator(settings).close()
    moto_s3.client.delete_object(Bucket="missing-bucket", Key="layers/ecr.database")
    moto_s3.client.delete_bucket(Bucket="missing-bucket")


def test_another_kind_of_database_can_be_used_after_the_failure(place, tmp_path):
    failing(Settings(data_dir=tmp_path / "state", blobs=missing(place)))
    failing(Settings(data_dir=tmp_path / "state", database=NO_DATABASE))  # not because of a database in the folder
    Emulator(Settings(data_dir=tmp_path / "state")).close()


def test_a_later_start_that_fails_keeps_the_state(place, moto_s3, tmp_path):
    settings, app = Settings(data_dir=tmp_path / "state", blobs=place), an_image(1)
    with Emulator(settings) as emulator:
        docker = Docker(emulator)
        docker.ecr.create_repository(repositoryName="team/app")
        docker.push(app, "v1")
    moto_s3.faults.fail("", refuses("403 Forbidden", "AccessDenied"))
    failing(settings)
    failing(replace(settings, blobs=None), StateMismatch)
    moto_s3.faults.clear()
    with Emulator(settings) as emulator:
        assert Docker(emulator).get("/v2/team/app/manifests/v1").data == app.raw


def test_a_later_start_with_other_settings_that_fails_keeps_the_state(tmp_path):
    settings = Settings(data_dir=tmp_path / "state")
    with Emulator(settings) as emulator:
        Docker(emulator).ecr.create_repository(repositoryName="team/app")
    failing(replace(settings, database=NO_DATABASE), StateMismatch)
    with Emulator(settings) as emulator:
        assert Docker(emulator).ecr.describe_repositories()["repositories"]


def test_a_bucket_that_may_have_been_bound_can_be_used_with_the_state(place, moto_s3, tmp_path):
    """The bucket was told the identity of the database, but its answer was lost."""
    settings = Settings(data_dir=tmp_path / "state", blobs=place)

    def stores_and_fails(app, environ, start):
        list(app(environ, lambda *_: None))
        moto_s3.faults.fail("", hangs_up)
        return hangs_up(app, environ, start)

    moto_s3.faults.fail("PUT ", stores_and_fails)
    failing(settings)
    moto_s3.faults.clear()
    Emulator(settings).close()


def test_an_emulator_that_is_refused_leaves_the_state_of_the_running_one(tmp_path):
    with Emulator(Settings(data_dir=tmp_path / "state")) as emulator:
        with pytest.raises(Exception, match="is in use by"):
            Emulator(Settings(data_dir=tmp_path / "state"))
        assert (tmp_path / "state" / "ecr.sqlite").exists()
        emulator.reset()


def test_a_start_that_waited_for_another_emulator_leaves_what_that_one_has_stored(tmp_path):
    waiting = FirstStart(tmp_path)
    settings = Settings(data_dir=tmp_path)
    with Emulator(settings) as emulator:
        Docker(emulator).ecr.create_repository(repositoryName="team/app")
    waiting.own()
    waiting.undo()
    with Emulator(settings) as emulator:
        assert Docker(emulator).ecr.describe_repositories()["repositories"][0]["repositoryName"] == "team/app"
