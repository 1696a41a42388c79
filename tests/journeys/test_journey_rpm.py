"""Packages of rpm: databases and headers that rpm itself has written."""

import sqlite3
import subprocess

import pytest

from tests.support.berkeley_databases import rpm_pairs
from tests.support.image_layers import packages
from tests.support.programs import program

pytestmark = pytest.mark.journey

SPECIFICATIONS = {
    "bash": "Version: 5.1.8\nRelease: 6\n",
    "openssl-libs": "Epoch: 1\nVersion: 3.0.7\nRelease: 24.el9\n",
}
CHANGES = "%changelog\n" + "* Mon Jan 01 2024 A <a@example.com> - 1-1\n- a change that is described at length\n" * 200
"""A header as long as those of real packages."""
QUERY = r"%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{SOURCERPM}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The files of two packages."""
    folder = tmp_path_factory.mktemp("rpmbuild")
    for name, fields in SPECIFICATIONS.items():
        text = f"Name: {name}\n{fields}Summary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%files\n{CHANGES}"
        (folder / f"{name}.spec").write_text(text)
        command = [program("rpmbuild"), "--define", f"_topdir {folder}", "-bb", folder / f"{name}.spec"]
        subprocess.run(command, check=True, capture_output=True)
    return sorted(folder.glob("RPMS/*/*.rpm"))


def installed(built, folder):
    """Enter packages into a database, and return what rpm reads there."""
    rpm = [program("rpm"), "--dbpath", folder]
    subprocess.run([*rpm, "--justdb", "--nodeps", "--noplugins", "-i", *built], check=True, capture_output=True)
    listed = subprocess.run([*rpm, "-qa", "--qf", QUERY], check=True, capture_output=True, text=True)
    return sorted(listed.stdout.splitlines())


def found(path, data):
    """Return the packages that the scanner reads in a database, as rpm lists them."""
    read = packages({path: data})
    sources = (each.source_version.rpartition(":")[2] for each in read)
    return sorted(
        f"{each.name} {each.version} {each.source_name}-{version}.src.rpm"
        for each, version in zip(read, sources, strict=True)
    )


def test_the_scanner_reads_what_rpm_has_written(built, tmp_path):
    """Debian's rpm writes SQLite only."""
    listed = installed(built, tmp_path)
    assert len(listed) == 2
    assert found("usr/lib/sysimage/rpm/rpmdb.sqlite", (tmp_path / "rpmdb.sqlite").read_bytes()) == listed


def test_the_scanner_reads_headers_of_rpm_in_berkeley_db(built, tmp_path):
    """rpm does not write Berkeley DB any more."""
    listed = installed(built, tmp_path)
    database = sqlite3.connect(tmp_path / "rpmdb.sqlite")
    headers = [header for (header,) in database.execute("SELECT blob FROM Packages")]
    database.close()
    dump = "".join(f" {each.hex()}\n" for pair in rpm_pairs(*headers).items() for each in pair)
    text = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n{dump}DATA=END\n"
    subprocess.run([program("db5.3_load"), tmp_path / "Packages"], input=text, text=True, check=True)
    assert found("var/lib/rpm/Packages", (tmp_path / "Packages").read_bytes()) == listed
