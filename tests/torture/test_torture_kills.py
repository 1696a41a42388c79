"""Emulators that are killed keep what they confirmed; and the checks notice emulators that do not."""

import os
import sqlite3
from contextlib import ExitStack, closing

import pytest

from ecr_emulator.testing.upstream.scripted import ScriptedUpstream
from scripts.torture import kills, migrations
from scripts.torture.flavours import Files
from scripts.torture.forks import Forks
from scripts.torture.images import Images
from scripts.torture.rounds import Life, Report
from scripts.torture.world import World
from tests.support.postgres import find_programs
from tests.support.programs import not_installed
from tests.support.s3 import find_gateway

pytestmark = pytest.mark.slow


def test_what_was_confirmed_survives_kills(capsys):
    assert kills.main(["--rounds", "12", "--seed", "tests"]) == 0, capsys.readouterr().out
    assert "nothing is wrong" in capsys.readouterr().out


def blobs(state):
    """Return all files of blobs. One of them may be of nobody, or be fetched again from its upstream."""
    return [path for path in (state / "blobs").rglob("*") if path.is_file()]


def lose_blobs(state):
    for path in blobs(state):
        path.unlink()


def change_blobs(state):
    for path in blobs(state):
        path.write_bytes(path.read_bytes()[:-1] + b"x")


def leave_a_file(state):
    (state / "blobs" / "half").write_bytes(b"half")


def lose_images(state):
    execute(state, "DELETE FROM tags")


def move_a_tag(state):
    other = "FROM images WHERE images.repository_id = tags.repository_id AND images.id != tags.image_id"
    execute(state, f"UPDATE tags SET image_id = (SELECT max(id) {other}) WHERE EXISTS (SELECT * {other})")


def execute(state, statement):
    with closing(sqlite3.connect(state / "ecr.sqlite", isolation_level=None)) as database:
        database.execute(statement)


class Spoilt(Files):
    """An emulator whose state is spoilt after each kill."""

    def disturb(self, chance, faults):
        super().disturb(chance, faults)
        self.spoil(self._emulator.state)


@pytest.mark.parametrize("spoil", [lose_blobs, change_blobs, leave_a_file, lose_images, move_a_tag])
def test_the_checks_notice(tmp_path, spoil):
    report = Report()
    with closing(Forks(tmp_path)) as forks, ScriptedUpstream() as upstream:
        flavour = Spoilt(forks, tmp_path, upstream.url)
        flavour.spoil = lambda state: spoil(state) if report.rounds.total() > 1 else None
        assert not Life(flavour, World("spoilt", upstream, Images("spoilt")), "spoilt", report).run(8)
    assert report.wrong


WITHOUT_NEWS = """
from ecr_emulator.nodes import NewsBeforeRequests
NewsBeforeRequests.__call__ = lambda self, environ, start_response: self._wsgi(environ, start_response)
"""


@pytest.mark.timeout(600)  # it ends with the first round that notices, the third or fourth as a rule
def test_the_checks_notice_nodes_without_news(tmp_path):
    if find_programs() is None:
        not_installed("PostgreSQL")
    report = Report()
    with ExitStack() as stack:
        forks = stack.enter_context(closing(Forks(tmp_path, spoil=WITHOUT_NEWS)))
        upstream = stack.enter_context(ScriptedUpstream())
        flavour = kills.opened(stack, "nodes:3", forks, tmp_path, upstream.url)
        world = World("no news", upstream, Images("no news"), is_calm=False)
        assert not Life(flavour, world, "no news", report).run(60)
    assert "nothing explains" in report.wrong[0]


@pytest.mark.parametrize("flavour", ["nodes:1", "nodes:3", "nodes:3+s3"])
def test_what_was_confirmed_survives_kills_of_nodes(capsys, flavour):
    if find_programs() is None:
        not_installed("PostgreSQL")
    if "s3" in flavour and find_gateway() is None:
        not_installed("versitygw")
    assert kills.main(["--flavour", flavour, "--rounds", "4", "--seed", "tests"]) == 0, capsys.readouterr().out


def test_moves_to_postgresql_and_back_survive_kills(capsys):
    if find_programs() is None:
        not_installed("PostgreSQL")
    assert migrations.main(["--rounds", "1", "--seed", "tests"]) == 0, capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_what_was_confirmed_survives_a_full_disk(capsys):
    assert kills.main(["--flavour", "full-disk", "--rounds", "6", "--seed", "tests"]) == 0, capsys.readouterr().out
