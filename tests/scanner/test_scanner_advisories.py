"""The index of a folder of advisories: what is read, what is skipped and named, and when it is read again."""

import json
import logging
import os
import sqlite3
import zipfile
from datetime import UTC, datetime

import pytest

from ecr_emulator.domain.packages import Distribution
from ecr_emulator.ports.image_contents import ReadingStopped
from ecr_emulator.ports.vulnerabilities import UnreadableVulnerabilities
from ecr_emulator.scanner.advisories import index_file
from ecr_emulator.scanner.advisories.index_writer import write_index
from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories
from tests.support.advisories import advisory, affected, fixed, found, indexed, package, write

FLASK = package("PyPI", "flask", "1.0")
ONE = advisory("CVE-2024-0001", affected("PyPI", "flask", *fixed("2.0")))
TWO = advisory("CVE-2024-0002", affected("PyPI", "flask", *fixed("3.0")))


def names(advisories, *packages):
    return [each.name for each in found(advisories, *packages or (FLASK,))]


def archive(path, *documents):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for document in documents:
            made.writestr(f"{document['id']}.json", json.dumps(document))
    return path


def test_advisories_are_read_from_folders_of_ecosystems(tmp_path):
    write(tmp_path / "osv" / "PyPI", ONE)
    write(tmp_path / "osv" / "PyPI" / "more", TWO)
    assert names(indexed(tmp_path)) == ["CVE-2024-0001", "CVE-2024-0002"]


def test_advisories_are_read_from_archives_in_the_folder(tmp_path):
    archive(tmp_path / "osv" / "PyPI" / "all.zip", ONE, TWO)
    assert names(indexed(tmp_path, ONE)) == ["CVE-2024-0001", "CVE-2024-0002"]


def test_advisories_are_read_from_one_archive(tmp_path):
    advisories = IndexedAdvisories(archive(tmp_path / "all.zip", ONE), tmp_path / "index")
    advisories.refresh()
    assert names(advisories) == ["CVE-2024-0001"]


def test_the_newest_advisory_tells_when_the_data_was_modified(tmp_path):
    advisories = indexed(tmp_path, ONE, TWO | {"modified": "2024-06-01T00:00:00.123456789Z"})
    assert advisories.updated_at() == datetime(2024, 6, 1, 0, 0, 0, 123456, tzinfo=UTC)


def test_nothing_is_told_of_an_index_that_is_not_there(tmp_path):
    assert IndexedAdvisories(tmp_path, tmp_path / "index").updated_at() is None


def test_withdrawn_advisories_are_left_out(tmp_path):
    assert names(indexed(tmp_path, ONE, TWO | {"withdrawn": "2024-06-01T00:00:00Z"})) == ["CVE-2024-0001"]


DAMAGED = {
    "a.json": ("{", "Expecting property name"),
    "b.json": ("[]", "it has no 'id'"),
    "c.json": ('{"id": 1}', "it has no 'id'"),
    "d.json": ('{"id": "x", "affected": {}}', "its 'affected' is no array"),
    "e.json": ("[" * 100_000, "it is nested too deeply"),
    "f.json": (b"\xff", "'utf-8' codec can't decode byte"),
    "g.zip": ("no archive", "it is no readable archive"),
}


def test_damaged_documents_are_named_and_skipped(tmp_path, caplog):
    write(tmp_path / "osv")
    for name, (text, _) in DAMAGED.items():
        (tmp_path / "osv" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert names(indexed(tmp_path, ONE)) == ["CVE-2024-0001"]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == len(DAMAGED)
    for name, (_, reason) in DAMAGED.items():
        assert any(f"{tmp_path / 'osv' / name} is skipped: {reason}" in warning for warning in warnings)


def test_the_first_damaged_documents_are_named_and_the_others_counted(tmp_path, caplog):
    write(tmp_path / "osv", ONE)
    for number in range(25):
        (tmp_path / "osv" / f"bad{number}.json").write_text("")
    indexed(tmp_path)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings[20:] == [f"5 more documents in {tmp_path / 'osv'} are skipped."]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        1,
        {},
        {"package": 1},
        {"package": {"name": "flask"}},
        affected("PyPI", "flask"),
        affected("PyPI", "", *fixed("2")),
    ],
)
def test_entries_that_name_no_package_or_version_are_left_out(tmp_path, entry):
    bad = advisory("CVE-2024-0009", entry)
    assert names(indexed(tmp_path, ONE, bad)) == ["CVE-2024-0001"]


def test_advisories_about_other_things_than_packages_of_images_are_left_out(tmp_path):
    others = [
        advisory("CVE-1", affected("Android", "x", *fixed("2"))),
        advisory("CVE-2", affected("GIT", "x", *fixed("2"))),
    ]
    indexed(tmp_path, ONE, *others)
    with index_file.open_index(tmp_path / "advisories.sqlite") as database:
        stored = database.execute("SELECT identifier FROM files JOIN advisories USING (number)").fetchall()
    assert stored == [("CVE-2024-0001",)]


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_a_source_that_is_neither_a_folder_nor_a_zip_is_refused(tmp_path, name):
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(UnreadableVulnerabilities, match=name):
        IndexedAdvisories(tmp_path / name, tmp_path / "index").refresh()


def test_a_folder_without_advisories_is_refused_and_the_old_index_stays(tmp_path):
    advisories = indexed(tmp_path, ONE)
    (tmp_path / "osv" / "CVE-2024-0001.json").write_text("{}")
    with pytest.raises(UnreadableVulnerabilities, match="has no advisories in the format of OSV"):
        advisories.refresh()
    assert names(advisories) == ["CVE-2024-0001"]


def test_an_index_that_cannot_be_written_is_an_error(tmp_path):
    advisories = IndexedAdvisories(write(tmp_path / "osv", ONE), tmp_path / "missing" / "index")
    with pytest.raises(UnreadableVulnerabilities, match="cannot be written"):
        advisories.refresh()


def test_an_unchanged_folder_is_read_once(tmp_path):
    advisories = indexed(tmp_path, ONE)
    assert advisories.refresh() is False
    assert IndexedAdvisories(tmp_path / "osv", tmp_path / "advisories.sqlite").refresh() is False


def changed(tmp_path, change):
    advisories = indexed(tmp_path, ONE)
    change(tmp_path / "osv")
    assert advisories.refresh() is True
    assert advisories.refresh() is False
    return names(advisories)


def test_a_folder_is_read_again_when_a_document_comes_goes_or_changes(tmp_path):
    assert changed(tmp_path / "1", lambda folder: write(folder, TWO)) == ["CVE-2024-0001", "CVE-2024-0002"]
    assert changed(
        tmp_path / "2", lambda folder: write(folder, ONE | {"id": "CVE-2024-0001", "affected": TWO["affected"]})
    )
    assert changed(tmp_path / "3", lambda folder: os.utime(folder / "CVE-2024-0001.json", (1, 1))) == ["CVE-2024-0001"]

    def rename(folder):
        (folder / "CVE-2024-0001.json").rename(folder / "other.json")

    assert changed(tmp_path / "4", rename) == ["CVE-2024-0001"]


@pytest.mark.parametrize("damage", ["other format", "no database", "removed"])
def test_an_index_of_another_format_is_written_anew(tmp_path, damage):
    advisories, file = indexed(tmp_path, ONE), tmp_path / "advisories.sqlite"
    if damage == "other format":
        with sqlite3.connect(file) as database:
            database.execute("UPDATE facts SET value = '0' WHERE name = 'format'")
        database.close()
    elif damage == "removed":
        file.unlink()
    else:
        file.write_text("no database " * 100)
    assert advisories.is_ready()
    assert names(advisories) == ["CVE-2024-0001"]


def test_progress_is_told(tmp_path):
    read = []
    write_index(write(tmp_path / "osv", ONE, TWO), tmp_path / "index", print, lambda: read.append(1))
    assert len(read) == 2


def test_indexing_can_be_stopped_and_begins_anew(tmp_path):
    advisories = IndexedAdvisories(write(tmp_path / "osv", ONE, TWO), tmp_path / "index")
    advisories.close()
    with pytest.raises(ReadingStopped):
        advisories.refresh()
    assert os.listdir(tmp_path) == ["osv"]
    advisories = IndexedAdvisories(tmp_path / "osv", tmp_path / "index")
    assert advisories.refresh() is True
    assert names(advisories) == ["CVE-2024-0001", "CVE-2024-0002"]


def test_a_document_that_nobody_may_look_at_is_an_error(tmp_path):
    folder = write(tmp_path / "osv", ONE)
    (folder / "gone.json").symlink_to("nowhere")
    with pytest.raises(UnreadableVulnerabilities, match=r"gone\.json cannot be read: No such file"):
        IndexedAdvisories(folder, tmp_path / "index").refresh()


def test_the_beginning_and_the_end_of_indexing_are_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    indexed(tmp_path, ONE)
    assert caplog.messages[0] == f"Reading the advisories in {tmp_path / 'osv'} …"
    assert caplog.messages[-1] == f"1 advisories are indexed in {tmp_path / 'advisories.sqlite'}."


@pytest.mark.parametrize(
    ("distribution", "ecosystem", "covered"),
    [
        (("debian", "12"), "Debian:12", True),
        (("debian", "11"), "Debian:12", False),
        (("debian", ""), "Debian:12", False),
        (("alpine", "3.19.1"), "Alpine:v3.19", True),
        (("alpine", "3.9.1"), "Alpine:v3.19", False),
        (("ubuntu", "22.04"), "Ubuntu:22.04:LTS", True),
        (("ubuntu", "23.10"), "Ubuntu:23.10", True),
        (("ubuntu", "22.04"), "Ubuntu:Pro:22.04:LTS", False),
        (("rhel", "9.3"), "Red Hat:enterprise_linux:9::baseos", True),
        (("rhel", "9.3"), "Red Hat:rhel_eus:9.2::baseos", False),
        (("rocky", "9.3"), "Rocky Linux:9", True),
        (("almalinux", "9.3"), "AlmaLinux:9", True),
        (("sles", "15.5"), "SUSE:Linux Enterprise Server 15 SP5", True),
        (("sles", "15.5"), "SUSE:Linux Enterprise Module for Basesystem 15 SP5", True),
        (("sles", "15.5"), "SUSE:Linux Enterprise Server 15 SP5-LTSS", False),
        (("opensuse-leap", "15.5"), "openSUSE:Leap 15.5", True),
        (("opensuse-tumbleweed", "20240101"), "openSUSE:Tumbleweed", True),
        (("photon", "5.0"), "Photon OS:5.0", True),
        (("azurelinux", "3.0"), "Azure Linux:3", True),
        (("amzn", "2023"), "Amazon Linux:2023", True),
        (("wolfi", "20230201"), "Wolfi", True),
        (("plan9", "4"), "Debian:12", False),
    ],
)
def test_releases_of_distributions_are_recognized(tmp_path, distribution, ecosystem, covered):
    advisories = indexed(tmp_path, advisory("CVE-2024-0001", affected(ecosystem, "bash", *fixed("9"))))
    assert advisories.covers(Distribution(*distribution)) is covered
    kind = "apk" if distribution[0] in ("alpine", "wolfi") else "dpkg"
    assert bool(found(advisories, package(kind, "bash", "1"), distribution=distribution)) is covered
