"""``migrate``: the metadata move to PostgreSQL and back, and an interrupted move is continued."""

from __future__ import annotations

import signal
from contextlib import closing
from sqlite3 import connect

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from ecr_emulator.state_binding import StateMismatch
from ecr_emulator.storage import moves
from ecr_emulator.storage.data_directory import DATABASE
from tests.support.boto import client_at, client_of
from tests.support.command_line import invoke
from tests.support.docker import ACCOUNT, Docker
from tests.support.images import an_image, put_image
from tests.support.processes import serving

APP = "team/app"
pytestmark = pytest.mark.journey


def migrate(state, database, *options):
    return invoke(None, "migrate", "--data-dir", str(state), "--database", database, *options)


def has(state, app, database=None):
    with Emulator(Settings(data_dir=state, database=database)) as emulator:
        docker = Docker(emulator)
        layer = docker.get(f"/v2/{APP}/blobs/{app.layers[0].digest}")
        return docker.get(f"/v2/{APP}/manifests/v1").data == app.raw and layer.status_code == 200


def test_the_metadata_move_there_and_back(databases, state, app):
    database = databases()
    outcome = migrate(state, database)
    assert outcome.output == "Moved 1 repositories and 1 images to PostgreSQL. Start with --database from now on.\n"
    assert has(state, app, database)
    assert "are in PostgreSQL already: use serve --database" in migrate(state, database).output
    with pytest.raises(StateMismatch, match="use --database"):
        Emulator(Settings(data_dir=state))
    outcome = migrate(state, database, "--to-sqlite")
    assert outcome.output == "Moved 1 repositories and 1 images to SQLite.\n"
    assert has(state, app)
    assert migrate(state, databases()).exit_code == 0


def test_companions_move_there_and_back(databases, state, app):
    database = databases()
    with Emulator(Settings(data_dir=state)) as emulator:
        client_of(emulator, "iam").create_user(UserName="ann")
    assert migrate(state, database).exit_code == 0
    with Emulator(Settings(data_dir=state, database=database)) as emulator:
        iam = client_of(emulator, "iam")
        iam.delete_user(UserName="ann")
        iam.create_user(UserName="bob")
    assert migrate(state, database, "--to-sqlite").exit_code == 0
    with Emulator(Settings(data_dir=state)) as emulator:
        assert [user["UserName"] for user in client_of(emulator, "iam").list_users()["Users"]] == ["bob"]


def test_a_database_with_companions_is_not_empty(databases, state, app, tmp_path):
    database = databases()
    with Emulator(Settings(data_dir=tmp_path / "other", database=database)) as emulator:
        client_of(emulator, "iam").create_user(UserName="ann")
    outcome = migrate(state, database)
    assert outcome.exit_code == 1
    assert "The database is not empty: it has rows in" in outcome.output


@pytest.mark.parametrize("step", ["copy", "first rename", "second rename"])
def test_an_interrupted_move_is_continued(databases, state, app, monkeypatch, step):
    database = databases()
    with monkeypatch.context() as broken:
        if step == "copy":
            broken.setattr(moves, "count_rows", interrupted())
        else:
            broken.setattr(moves.os, "replace", interrupted(1 if step == "first rename" else 2, moves.os.replace))
        with pytest.raises(KeyboardInterrupt):
            moves.move_to_postgres(state, database)
    if step != "second rename":
        assert has(state, app)
    outcome = migrate(state, database)
    assert outcome.exit_code == 0, outcome.output
    assert has(state, app, database)


def interrupted(at=1, then=None):
    """Return a function that is interrupted at one of its calls."""
    calls = []

    def call(*arguments):
        calls.append(arguments)
        if len(calls) == at:
            raise KeyboardInterrupt
        return then(*arguments)

    return call


def test_a_database_with_other_rows_is_refused(databases, state, app, tmp_path):
    database = databases()
    with Emulator(Settings(data_dir=tmp_path / "other", database=database)) as emulator:
        Docker(emulator).ecr.create_repository(repositoryName="other")
    outcome = migrate(state, database)
    assert outcome.exit_code == 1
    assert "The database is not empty: it has rows in" in outcome.output
    assert has(state, app)


def test_a_row_that_postgres_refuses_is_named_and_nothing_moves(databases, state, app):
    with closing(connect(state / DATABASE)) as sqlite, sqlite:
        sqlite.execute("UPDATE repositories SET policy = 'a' || char(0)")
    outcome = migrate(state, databases())
    assert outcome.exit_code == 1
    assert "the row of the table repositories with id 1 cannot be copied: its policy is refused" in outcome.output
    with closing(connect(state / DATABASE)) as sqlite, sqlite:
        sqlite.execute("UPDATE repositories SET policy = NULL")
    assert has(state, app)


def test_a_database_of_another_directory_does_not_move_back(databases, state, app):
    outcome = migrate(state, databases(), "--to-sqlite")
    assert outcome.exit_code == 1
    assert f"The metadata of {state} are not in this database" in outcome.output
    assert has(state, app)


def test_a_running_emulator_is_not_moved(databases, state, app):
    with Emulator(Settings(data_dir=state)):
        outcome = migrate(state, databases())
    assert outcome.exit_code == 1
    assert "is in use by" in outcome.output


def test_the_state_of_a_killed_emulator_moves_with_its_log(databases, state, tmp_path):
    app = an_image(7)
    with serving(tmp_path, "--data-dir", str(state), "--port", "0") as running:
        ecr = client_at(running.url, account=ACCOUNT)
        ecr.create_repository(repositoryName=APP)
        put_image(ecr, APP, app, "v1")
        running.stop(signal.SIGKILL)
    assert (state / f"{DATABASE}-wal").stat().st_size > (state / DATABASE).stat().st_size
    database = databases()
    assert migrate(state, database).exit_code == 0
    assert not (state / f"{DATABASE}-wal").exists()
    with closing(connect(state / moves.MOVED)) as kept:
        assert kept.execute("SELECT count(*) FROM images").fetchall() == [(1,)]
    assert migrate(state, database, "--to-sqlite").exit_code == 0
    assert has(state, app)


def test_a_database_that_another_program_has_open_is_not_moved(databases, state, app):
    with closing(connect(state / DATABASE)) as other:
        other.execute("SELECT count(*) FROM images").fetchall()
        refused = migrate(state, database := databases())
        assert (refused.exit_code, "Another program has" in refused.output) == (1, True)
    assert migrate(state, database).exit_code == 0
    assert has(state, app, database)


def test_missing_options_and_directories_are_named(databases, tmp_path):
    outcome = invoke(None, "migrate", "--data-dir", str(tmp_path))
    assert outcome.exit_code == 2
    assert "--data-dir and --database or --blobs are needed" in outcome.output
    outcome = migrate(tmp_path / "missing", databases())
    assert "There is no data directory" in outcome.output
    outcome = migrate(tmp_path, databases())
    assert "There is no database in" in outcome.output
