"""With PostgreSQL, its crash takes nothing that was acknowledged (docs/durability.md)."""

from __future__ import annotations

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.settings import Settings
from tests.support.postgres import find_programs, running_postgres
from tests.support.programs import not_installed
from tests.support.state_changes import CHANGES, LOOSE, WHOLE
from tests.support.state_facts import LocalRegistry, find_facts
from tests.support.traced_server import file_changes, traced_server

pytestmark = pytest.mark.journey
FOLDER = f"state/blobs/sha256/{WHOLE.digest.removeprefix('sha256:')[:2]}"
COMMIT = "commit with synchronous_commit on"
NOT_BY_ITSELF = " -c wal_writer_delay=10s -c wal_writer_flush_after=0"
"""Options with which PostgreSQL does not write its log before a commit demands it, or ten seconds have passed."""


@pytest.fixture(scope="module")
def server():
    programs = find_programs()
    if programs is None:
        not_installed("PostgreSQL")
    with running_postgres(programs, NOT_BY_ITSELF) as running:
        yield running


def test_what_was_acknowledged_is_there_after_a_crash_of_postgres(server, tmp_path):
    with server.databases() as lend:
        settings = Settings(data_dir=tmp_path / "state", database=lend())
        for change in CHANGES:
            with Emulator(settings) as emulator:
                change.perform(LocalRegistry(emulator))
                expected = find_facts(LocalRegistry(emulator), LOOSE)
                server.crash()
                server.start()
            with Emulator(settings) as emulator:
                assert find_facts(LocalRegistry(emulator), LOOSE) == expected, change.name


def test_the_server_has_confirmed_the_commit_before_a_blob_is_acknowledged(server, tmp_path):
    with (
        server.databases() as lend,
        traced_server(tmp_path, "--data-dir", "state", "--database", lend()) as traced,
    ):
        for change in CHANGES[:2]:
            traced.perform(change.perform)
        traced.end()
    seen = [*file_changes(traced.calls_of(1), tmp_path)]
    assert "commit with synchronous_commit off" in seen[: seen.index("answer 202")]
    name = next(number for number, each in enumerate(seen) if each.startswith("rename state/ingest/"))
    folder, commit, answer = (seen.index(each, name) for each in (f"sync {FOLDER}", COMMIT, "answer 201"))
    assert name < folder < commit < answer
