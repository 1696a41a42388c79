"""``migrate --blobs``: layers move to a directory or to S3 and back, and an interrupted move is continued."""

from __future__ import annotations

import pytest

from ecr_emulator import blob_moves
from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from ecr_emulator.storage.data_directory import MOVING
from tests.support.command_line import invoke
from tests.support.damage import file_of, flipped
from tests.support.docker import Docker
from tests.support.s3 import KEY, SECRET

APP = "team/app"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}


def migrate(state, place, *options):
    return invoke(None, "migrate", "--data-dir", str(state), "--blobs", str(place.setting), *options, **KEYS)


def has(settings, app):
    with Emulator(settings) as emulator:
        docker = Docker(emulator)
        return all(docker.get(f"/v2/{APP}/blobs/{blob.digest}").data == blob.raw for blob in app.blobs)


def test_the_layers_move_there_and_back(state, place, app):
    total = sum(len(blob.raw) for blob in app.blobs)
    outcome = migrate(state, place)
    expected = f"Moved {len(app.blobs)} layers with {total} bytes to"
    assert outcome.output == f"{expected} {place.setting}. Start with --blobs from now on.\n"
    assert not (state / "blobs").exists()
    assert not (state / MOVING).exists()
    assert has(Settings(data_dir=state, blobs=place.setting), app)
    with pytest.raises(StateMismatch, match="use --blobs"):
        Emulator(Settings(data_dir=state))
    outcome = migrate(state, place, "--to-data-dir")
    assert outcome.output == f"{expected} {state}.\n"
    assert has(Settings(data_dir=state), app)
    assert migrate(state, place).exit_code == 0
    assert has(Settings(data_dir=state, blobs=place.setting), app)


@pytest.mark.parametrize("options", [(), ("--to-data-dir",)], ids=["there", "back"])
@pytest.mark.parametrize("step", ["copy", "binding", "end"])
def test_an_interrupted_move_is_continued(state, place, app, monkeypatch, step, options):
    if options:
        assert migrate(state, place).exit_code == 0
    with monkeypatch.context() as broken:
        if step == "copy":
            broken.setattr(blob_moves, "UUID", interrupted(2, blob_moves.UUID))
        elif step == "binding":
            broken.setattr("ecr_emulator.state_binding.remove", interrupted())
            broken.setattr("ecr_emulator.state_binding._read_or_create", interrupted())
        else:
            broken.setattr(blob_moves.shutil, "rmtree", interrupted())
            broken.setattr(blob_moves, "_count", interrupted(1 if options else 9))
        outcome = migrate(state, place, *options)
        assert outcome.exit_code == 1
    assert migrate(state, place, *options).exit_code == 0
    assert has(Settings(data_dir=state, blobs=None if options else place.setting), app)


@pytest.mark.parametrize("place", ["s3"], indirect=True)
@pytest.mark.parametrize("then", [migrate, lambda state, _: Emulator(Settings(data_dir=state)).close()])
def test_what_a_killed_move_to_s3_has_left_is_removed(state, place, app, then):
    (state / MOVING / "ingest").mkdir(parents=True)
    (state / MOVING / "ingest" / "3f0c1b1e-0000-4000-8000-000000000001").write_bytes(b"half a layer")
    then(state, place)
    assert not (state / MOVING).exists()


def interrupted(at=1, then=None):
    """Return a function that is interrupted at one of its calls."""
    calls = []

    def call(*arguments, **named):
        calls.append(arguments)
        if len(calls) == at:
            raise KeyboardInterrupt
        return then(*arguments, **named) if then else None

    return call


def test_a_damaged_layer_stays_and_is_named(state, place, app):
    flipped(file_of(state, app.layers[0].digest))
    outcome = migrate(state, place)
    assert outcome.exit_code == 1
    assert f"The layer {app.layers[0].digest} is damaged: run `ecr-emulator gc --verify`" in outcome.output
    assert f"blobs/sha256/{app.layers[0].digest[7:9]}/{app.layers[0].digest[7:]}" not in place.blobs()
    assert file_of(state, app.layers[0].digest).exists()


def test_a_place_of_another_database_is_refused(state, place, app, tmp_path):
    Emulator(Settings(data_dir=tmp_path / "other", blobs=place.setting)).close()
    for options in ((), ("--to-data-dir",)):
        assert migrate(state, place, *options).exit_code == 1
    assert has(Settings(data_dir=state), app)


def test_a_directory_without_a_database_is_refused(state, place):
    state.mkdir()
    assert "There is no database in" in migrate(state, place).output
    assert not list(state.glob("ecr.sqlite"))


def test_what_cannot_be_meant_is_refused(state, place, app):
    outcome = migrate(state, place, "--to-sqlite")
    assert (outcome.exit_code, "move the layers back first" in outcome.output) == (2, True)
    outcome = invoke(None, "migrate", "--data-dir", str(state), "--database", "postgresql:///x", "--to-data-dir")
    assert (outcome.exit_code, "--to-data-dir needs --blobs" in outcome.output) == (2, True)
    with Emulator(Settings(data_dir=state)):
        assert "is in use by" in migrate(state, place).output


@pytest.mark.journey
def test_metadata_and_layers_move_there_and_back(databases, state, place, app):
    database = ("--database", databases())
    where = ("migrate", "--data-dir", str(state), *database)
    assert invoke(None, *where).exit_code == 0
    outcome = migrate(state, place, *database)
    assert outcome.exit_code == 0, outcome.output
    elsewhere = Settings(database=database[1], blobs=place.setting)
    assert has(elsewhere, app)
    outcome = invoke(None, *where, "--to-sqlite")
    assert "move them back first" in outcome.output
    outcome = migrate(state, place, *database, "--to-data-dir")
    assert outcome.exit_code == 0, outcome.output
    outcome = invoke(None, *where, "--to-sqlite")
    assert outcome.exit_code == 0, outcome.output
    assert has(Settings(data_dir=state), app)
