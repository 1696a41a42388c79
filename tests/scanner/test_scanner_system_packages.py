"""Packages of operating systems: dpkg, apk and rpm."""

import struct

import pytest

from ecr_emulator.domain.packages import Package
from ecr_emulator.ports.image_contents import UnreadableImage
from tests.support.image_layers import contents, names, packages
from tests.support.rpm_databases import header, ndb_database, sqlite_database

STATUS = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.11-1~deb12u2
Description: Secure Sockets Layer toolkit
 Version: 9

Package: gone
Status: deinstall ok config-files
Version: 1

Package: libc6
Status: hold ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 1:2.36-9+b1
"""
APK = """\
C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:libcrypto3
V:3.1.4-r1
A:x86_64
o:openssl
F:lib
R:libcrypto.so.3

P:musl
V:1.2.4-r2
o:musl
"""
RPMS = [
    header("openssl-libs", "3.0.7", "24.el9", "openssl-3.0.7-24.el9.src.rpm", epoch=1),
    header("gpg-pubkey", "fd431d51", "4ae0493b"),
    header("bash", "5.1.8", "6.el9", "bash-5.1.8-6.el9.src.rpm", epoch=0),
]
SQLITE = "var/lib/rpm/rpmdb.sqlite"
NDB = "usr/lib/sysimage/rpm/Packages.db"


def test_installed_packages_of_dpkg_are_read_with_their_sources():
    found = packages({"var/lib/dpkg/status": STATUS})
    place = {"path": "var/lib/dpkg/status", "layer": found[0].layer}
    assert found == (
        Package("dpkg", "libssl3", "3.0.11-1~deb12u2", architecture="amd64", source_name="openssl", **place),
        Package(
            "dpkg", "libc6", "1:2.36-9+b1", architecture="amd64", source_name="glibc", source_version="2.36-9", **place
        ),
    )
    assert [package.names for package in found] == [(("openssl", "3.0.11-1~deb12u2"),), (("glibc", "2.36-9"),)]


def test_packages_of_distroless_images_are_read():
    files = {
        "var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a-0+deb12u1\n",
        "var/lib/dpkg/status.d/tzdata.md5sums": "Package: no\nVersion: 1\n",
        "var/lib/dpkg/status.d/base": "Package: base-files\nVersion: 12.4\n",
    }
    assert names(files) == {"tzdata 2024a-0+deb12u1", "base-files 12.4"}


@pytest.mark.parametrize("path", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_packages_of_apk_are_read_with_their_origins(path):
    found = packages({path: APK})
    assert [(each.kind, each.name, each.version, each.names[0][0]) for each in found] == [
        ("apk", "libcrypto3", "3.1.4-r1", "openssl"),
        ("apk", "musl", "1.2.4-r2", "musl"),
    ]


@pytest.mark.parametrize(("path", "make"), [(SQLITE, sqlite_database), (NDB, ndb_database)])
def test_packages_of_rpm_are_read_with_their_sources(path, make):
    libraries, bash = packages({path: make(RPMS)})
    assert (libraries.kind, libraries.architecture, bash.version) == ("rpm", "x86_64", "5.1.8-6.el9")
    assert libraries.names == (("openssl-libs", "1:3.0.7-24.el9"), ("openssl", "1:3.0.7-24.el9"))
    assert bash.names == (("bash", "5.1.8-6.el9"),)


def test_many_packages_of_rpm_are_read():
    many = [header(f"p{number}", "1", "1") for number in range(100)]
    assert names({SQLITE: sqlite_database(many)}) == names({NDB: ndb_database(many)})
    assert len(names({NDB: ndb_database(many)})) == 100


REPEATED = f"""
CREATE TABLE Packages (hnum INTEGER, blob AS (CAST(x'{RPMS[0].hex()}' || zeroblob(1000000) AS BLOB)));
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) INSERT INTO Packages (hnum) SELECT i FROM n;
"""
SAME = struct.pack("<4sIII", b"Slot", 1, 4096 // 16, 1)
ENDLESS = """
CREATE TABLE t (blob);
CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS blob FROM n;
CREATE TRIGGER i INSTEAD OF INSERT ON Packages BEGIN SELECT 1; END;
"""


@pytest.mark.parametrize(
    ("path", "database", "reason"),
    [
        (SQLITE, b"no database" * 100, "SQLite cannot read it: file is not a database"),
        (SQLITE, sqlite_database([], ENDLESS), "it has no table of packages"),
        (SQLITE, sqlite_database([], REPEATED), "its headers have more than its 8192 bytes"),
        (
            NDB,
            ndb_database(RPMS[:1]).replace(struct.pack("<4sIII", b"Slot", 0, 0, 0), SAME),
            "its headers have more than",
        ),
        (SQLITE, sqlite_database([b"short"]), "a header of a package is damaged"),
        (SQLITE, sqlite_database(RPMS)[:4096], "SQLite cannot read it"),
        (SQLITE, sqlite_database(["text"]), "it has a package without a header"),
        (NDB, b"no database" * 1000, "it does not begin as a database in the format ndb"),
        (NDB, b"", "it is incomplete"),
        (NDB, ndb_database(RPMS)[:4100], "it is incomplete"),
        (NDB, ndb_database(RPMS).replace(b"Slot", b"Tols"), "slot 2 is damaged"),
        (NDB, ndb_database(RPMS).replace(b"BlbS", b"xxxx"), "the package at byte 4096 is damaged"),
        (NDB, ndb_database([header("a", "1", "1")[:40]]), "a header of a package is damaged"),
    ],
)
def test_an_image_with_a_damaged_database_of_rpm_is_unreadable(path, database, reason):
    with pytest.raises(UnreadableImage, match=f"^/{path} cannot be read: {reason}"):
        contents({path: database})


def test_a_deleted_database_has_no_packages():
    assert names({"var/lib/dpkg/status": STATUS}, {"var/lib/dpkg/.wh.status": ""}) == set()
