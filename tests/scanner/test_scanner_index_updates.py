"""Updates of the index of advisories: which documents are read again, and how a change of the folder is noticed."""

import json
import logging
import os
import random
import time
import zipfile

import pytest

from ecr_emulator.scanner.advisories import index_file
from ecr_emulator.scanner.advisories.index_writer import write_index
from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories
from ecr_emulator.scanner.advisories.last_look import MOST_DOCUMENTS, PERIOD
from tests.support.advisories import advisory, affected, fixed, found, package, write

FLASK = package("PyPI", "flask", "1.0")


def flask(number, version="2.0", **members):
    return advisory(f"CVE-2024-{number:04}", affected("PyPI", "flask", *fixed(version)), **members)


def archive(file, *documents):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for document in documents:
            made.writestr(f"{document['id']}.json", json.dumps(document))


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "osv", flask(1), flask(2))


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index"


def written(folder, index):
    """Bring an index up to date, and return the number of documents that were read."""
    read = []
    write_index(folder, index, print, lambda: read.append(1))
    return len(read)


def names(folder, index):
    return [each.name[-1] for each in found(IndexedAdvisories(folder, index), FLASK)]


def test_only_new_and_changed_documents_are_read(folder, index):
    assert written(folder, index) == 2
    assert written(folder, index) == 0
    write(folder, flask(3), flask(2, "0.9"))
    assert written(folder, index) == 2
    assert names(folder, index) == ["1", "3"]
    (folder / "CVE-2024-0001.json").unlink()
    assert written(folder, index) == 0
    assert names(folder, index) == ["3"]


def test_only_new_and_changed_documents_of_an_archive_are_read(folder, index):
    archive(folder / "all.zip", flask(3), flask(4))
    assert written(folder, index) == 4
    archive(folder / "all.zip", flask(4), flask(3, "0.9"), flask(5))
    assert written(folder, index) == 2
    assert names(folder, index) == ["1", "2", "4", "5"]
    (folder / "all.zip").write_text("damaged")
    assert written(folder, index) == 0
    assert names(folder, index) == ["1", "2"]


def test_a_damaged_document_is_told_once(folder, index, caplog):
    caplog.set_level(logging.WARNING)
    (folder / "bad.json").write_text("{")
    for _ in range(2):
        IndexedAdvisories(folder, index).refresh()
    assert len(caplog.messages) == 1
    (folder / "bad.json").write_text(json.dumps(flask(3)))
    IndexedAdvisories(folder, index).refresh()
    assert names(folder, index) == ["1", "2", "3"]


def test_the_newest_of_several_documents_about_an_advisory_counts(folder, index):
    newer = flask(1, "0.9", modified="2024-06-01T00:00:00Z")
    for place in ("a", "z"):
        write(folder / place, newer)
        written(folder, index)
        assert names(folder, index) == ["2"]
        os.utime(folder / "CVE-2024-0001.json", (1, 1))
        assert written(folder, index) == 1
        assert names(folder, index) == ["2"]
        os.utime(folder / "CVE-2024-0001.json", (2, 2))
        (folder / place / "CVE-2024-0001.json").unlink()
        written(folder, index)
        assert names(folder, index) == ["1", "2"]


def test_a_withdrawal_that_is_newer_counts(folder, index):
    write(folder / "a", flask(1, modified="2024-06-01T00:00:00Z", withdrawn="2024-06-01T00:00:00Z"))
    written(folder, index)
    assert names(folder, index) == ["2"]


def contents(index):
    with index_file.open_index(index) as database:
        rows = database.execute(
            "SELECT parents.name, files.name, files.state, files.checksum, files.identifier, files.modified,"
            " ecosystems.name, affected.name, affected.versions, advisories.document FROM files"
            " LEFT JOIN files AS parents ON parents.number = files.archive"
            " LEFT JOIN advisories ON advisories.number = files.number"
            " LEFT JOIN affected ON affected.advisory = files.number"
            " LEFT JOIN ecosystems ON ecosystems.number = affected.ecosystem"
        ).fetchall()
        facts = database.execute("SELECT * FROM facts ORDER BY name").fetchall()
        lost = database.execute("SELECT count(*) FROM affected WHERE advisory NOT IN (SELECT number FROM files)")
        return sorted(map(repr, rows)), facts, lost.fetchone()


def test_an_updated_index_is_the_same_as_a_new_one(folder, index, tmp_path):
    chosen = random.Random(1)
    for step in range(40):
        place = folder / chosen.choice("ab")
        document = flask(chosen.randrange(9), chosen.choice(["2.0", "0.9"]), modified=f"2024-01-{1 + step % 28:02}")
        match chosen.randrange(5):
            case 0 | 1:
                write(place, document)
            case 2:
                some = [flask(each, chosen.choice(["2.0", "0.9"])) for each in chosen.sample(range(20), 4)]
                archive(folder / chosen.choice(["1.zip", "2.zip"]), *some)
            case 3:
                (place / f"{document['id']}.json").unlink(missing_ok=True)
            case 4:
                (folder / "2.zip").unlink(missing_ok=True)
        written(folder, index)
        (tmp_path / "new").unlink(missing_ok=True)
        written(folder, tmp_path / "new")
        assert contents(index) == contents(tmp_path / "new")


def test_a_document_that_is_no_regular_file_is_skipped(folder, index):
    os.mkfifo(folder / "pipe.json")
    told = []
    assert write_index(folder, index, told.append, lambda: None) == 2
    assert told == [f"{folder / 'pipe.json'} is skipped: it is no regular file."]


def test_members_with_an_unusual_compression_are_skipped(folder, index):
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_LZMA) as made:
        made.writestr("CVE-2024-0003.json", json.dumps(flask(3)))
    told = []
    assert write_index(folder, index, told.append, lambda: None) == 2
    (only,) = told
    assert only.startswith(f"{folder / 'all.zip'}!/CVE-2024-0003.json is skipped: its compression is not supported")


def test_a_member_that_is_damaged_is_skipped(folder, index):
    with zipfile.ZipFile(folder / "all.zip", "w") as made:
        made.writestr("CVE-2024-0003.json", json.dumps(flask(3)))
    whole = (folder / "all.zip").read_bytes()
    (folder / "all.zip").write_bytes(whole.replace(b"flask", b"flusk", 1))
    told = []
    assert write_index(folder, index, told.append, lambda: None) == 2
    assert told == [f"{folder / 'all.zip'}!/CVE-2024-0003.json is skipped: it is damaged: its checksum is another one."]


@pytest.mark.parametrize("length", [1, 20_000])
def test_long_documents_and_versions_are_found_too(folder, index, length):
    versions = [f"1.0.{number}" for number in range(length // 10)]
    entry = affected("PyPI", "django", versions=["1.0", *versions])
    write(folder, advisory("CVE-2024-0009", entry, details="x" * length, references=[{"url": "https://example.com"}]))
    written(folder, index)
    (only,) = found(IndexedAdvisories(folder, index), package("PyPI", "django", "1.0"))
    assert (len(only.description), only.references) == (min(length, 4096), ("https://example.com",))


class Seconds:
    """Seconds that a test moves."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def settled(folder):
    """Let a folder seem to have changed long ago."""
    os.utime(folder, (time.time() - 10, time.time() - 10))


def rewritten(folder):
    """Write a document in place, so that its folder does not change."""
    (folder / "CVE-2024-0001.json").write_text(json.dumps(flask(1, "0.9")))


def fill(folder):
    """Let a folder have more documents than are compared one by one."""
    for number in range(MOST_DOCUMENTS):
        (folder / f"{number}.json").write_text("{}")


def removed(folder):
    (folder / "CVE-2024-0001.json").unlink()


def added(folder):
    write(folder, flask(1, "0.9"), flask(3))


@pytest.mark.parametrize("change", [rewritten, removed, added])
def test_any_change_of_a_small_folder_is_noticed_at_once(folder, index, change):
    advisories = IndexedAdvisories(folder, index, Seconds())
    settled(folder)
    assert advisories.is_ready()
    assert names(folder, index) == ["1", "2"]
    change(folder)
    assert advisories.is_ready()
    assert "1" not in names(folder, index)


def read_beside(advisories):
    """Let a thread read the advisories, and wait for it."""
    assert not advisories.is_ready()
    advisories._thread.join()
    assert advisories.is_ready()


def test_documents_that_come_and_go_in_a_large_folder_are_noticed_at_once(folder, index):
    fill(folder)
    settled(folder)
    advisories = IndexedAdvisories(folder, index, Seconds())
    read_beside(advisories)
    write(folder, flask(3))
    settled(folder)
    read_beside(advisories)
    assert names(folder, index) == ["1", "2", "3"]


def test_a_document_that_is_rewritten_in_a_large_folder_is_noticed_after_a_while(folder, index):
    fill(folder)
    settled(folder)
    seconds = Seconds()
    advisories = IndexedAdvisories(folder, index, seconds)
    read_beside(advisories)
    rewritten(folder)
    seconds.now += PERIOD - 1
    assert advisories.is_ready()
    assert names(folder, index) == ["1", "2"]
    seconds.now += 1
    read_beside(advisories)
    assert names(folder, index) == ["2"]


def test_an_archive_that_is_rewritten_is_noticed_at_once(folder, index):
    fill(folder)
    archive(folder / "all.zip", flask(3))
    settled(folder)
    advisories = IndexedAdvisories(folder, index, Seconds())
    read_beside(advisories)
    archive(folder / "all.zip", flask(4), flask(5))
    read_beside(advisories)
    assert names(folder, index) == ["1", "2", "4", "5"]


def test_a_folder_that_has_just_changed_may_change_again_unnoticed_and_is_read_again(folder, index):
    advisories = IndexedAdvisories(folder, index, Seconds())
    at = time.time_ns()
    os.utime(folder, ns=(at, at))
    assert advisories.is_ready()
    write(folder, flask(3))
    os.utime(folder, ns=(at, at))
    assert advisories.is_ready()
    assert names(folder, index) == ["1", "2", "3"]
