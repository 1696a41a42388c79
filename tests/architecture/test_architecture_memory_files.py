"""The tests keep temporary files in memory where there is room, and nowhere else."""

import tempfile

import pytest

from tests.support.memory_files import keep_temporary_files_in_memory


@pytest.fixture(autouse=True)
def _own_place(monkeypatch):
    monkeypatch.setenv("TMPDIR", "")  # restored after the test, even if it was unset
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_temporary_files_are_in_memory_where_there_is_room(tmp_path):
    assert keep_temporary_files_in_memory(tmp_path, room=1)
    assert tempfile.gettempdir() == str(tmp_path)


@pytest.mark.parametrize(("folder", "room"), [("none", 1), ("", 2**62)])
def test_temporary_files_stay_where_they_are_without_room(tmp_path, folder, room):
    assert not keep_temporary_files_in_memory(tmp_path / folder, room)
    assert tempfile.gettempdir() != str(tmp_path)


def test_a_place_that_was_chosen_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert not keep_temporary_files_in_memory(tmp_path, room=1)
    assert tempfile.gettempdir() == "/tmp"
