"""rpm databases in the format of Berkeley DB: what rpm has written, what Berkeley DB has written, and damaged ones."""

import gzip
import struct
import subprocess

import pytest

from ecr_emulator.emulator import Emulator
from ecr_emulator.ports.image_contents import UnreadableImage
from ecr_emulator.settings import Settings
from ecr_emulator.testing.upstream.images import OCI_LAYER, Content, image
from tests.support.advisories import advisory, affected, fixed, write
from tests.support.berkeley_databases import PAGE_SIZE, berkeley_database, rpm_pairs
from tests.support.boto import client_of
from tests.support.image_layers import contents, names, packages, tar
from tests.support.images import put_image
from tests.support.programs import program
from tests.support.rpm_databases import header, sqlite_database

PATH = "var/lib/rpm/Packages"
LONG = "x" * 2000
RPMS = [
    header("openssl-libs", "3.0.7", "24.el9", "openssl-3.0.7-24.el9.src.rpm", epoch=1),
    header("gpg-pubkey", "fd431d51", "4ae0493b"),
    header("bash", "5.1.8", "6.el9", f"bash-{LONG}-6.el9.src.rpm"),
    header("a", "1", "1"),
]
FOUND = {"openssl-libs 1:3.0.7-24.el9", "bash 5.1.8-6.el9", "a 1-1"}
DATABASE = berkeley_database(rpm_pairs(*RPMS))


def changed(offset, *numbers, page=0):
    """Return the database with other numbers of 32 bits at an offset of a page."""
    start = page * PAGE_SIZE + offset
    new = struct.pack(f"<{len(numbers)}I", *numbers)
    return DATABASE[:start] + new + DATABASE[start + len(new) :]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("path", [PATH, "usr/lib/sysimage/rpm/Packages"])
def test_packages_of_rpm_are_read_in_both_byte_orders(path, order):
    assert names({path: berkeley_database(rpm_pairs(*RPMS, order=order), order)}) == FOUND


def test_a_long_header_is_read_from_overflow_pages():
    (bash,) = (each for each in packages({PATH: DATABASE}) if each.name == "bash")
    assert (bash.source_name, bash.source_version, bash.architecture) == ("bash", f"{LONG}-6.el9", "x86_64")


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
@pytest.mark.parametrize(("lorder", "order"), [(1234, "<"), (4321, ">")])
def test_what_berkeley_db_has_written_is_read(tmp_path, lorder, order, page_size):
    many = [header(f"p{number}", "1", "1", "s" * (number * 37)) for number in range(300)]
    dump = f"VERSION=3\nformat=bytevalue\ntype=hash\ndb_lorder={lorder}\ndb_pagesize={page_size}\nHEADER=END\n"
    dump += "".join(f" {each.hex()}\n" for pair in rpm_pairs(*many, order=order).items() for each in pair)
    path = tmp_path / "Packages"
    subprocess.run([program("db5.3_load"), path], input=f"{dump}DATA=END\n", text=True, check=True)
    assert names({PATH: path.read_bytes()}) == {f"p{number} 1-1" for number in range(300)}


def kind_and_next(number):
    """Return the type of a page and the number of the page that follows it."""
    start = number * PAGE_SIZE
    return DATABASE[start + 25], int.from_bytes(DATABASE[start + 16 : start + 20], "little")


FIRST = next(number for number in range(len(DATABASE) // PAGE_SIZE) if kind_and_next(number) == (7, number + 1))
"""The first of several overflow pages of an item."""


@pytest.mark.parametrize(
    ("database", "reason"),
    [
        (b"", "it is incomplete"),
        (bytes(8192), "it does not begin as a hash database of Berkeley DB"),
        (changed(16, 7), "it is of another version of Berkeley DB, encrypted or with checksums"),
        (changed(20, 500), "it is of another version of Berkeley DB"),
        (changed(24, 8 << 8 | 1), "it is of another version of Berkeley DB"),
        (changed(24, 8 << 8 | 1 << 16), "it is of another version of Berkeley DB"),
        (DATABASE[:-1], f"it is incomplete: {len(DATABASE)} bytes are {len(DATABASE) - 1}"),
        (changed(32, 1 << 31), "it is incomplete: "),
        (changed(8, 9, page=1), "page 1 is damaged"),
        (changed(20, 3, page=1), "page 1 is damaged"),
        (changed(20, 60_000, page=1), "page 1 is damaged"),
        (changed(26, 1, page=1), "page 1 is damaged"),
        (changed(26, 510 << 16 | 507, page=1), "page 1 is damaged"),
        (changed(26, 500 << 16 | 511, page=1), "page 1 has an item of an unknown kind"),
        (changed(16, FIRST, page=FIRST), f"an item that has overflow page {FIRST} is damaged"),
        (changed(16, 0, page=FIRST), "page 0 is no overflow page"),
        (changed(16, 1, page=FIRST), "page 1 is no overflow page"),
        (changed(16, 1 << 31, page=FIRST), f"an item that has overflow page {1 << 31} is damaged"),
        (changed(20, 1, page=FIRST), "page 0 is no overflow page"),
        (changed(8, 1, page=FIRST), f"page {FIRST} is damaged"),
        (berkeley_database(rpm_pairs(RPMS[0][:40])), "a header of a package is damaged"),
        (berkeley_database(rpm_pairs(b"")), "a header of a package is damaged"),
    ],
)
def test_an_image_with_a_damaged_database_is_unreadable(database, reason):
    with pytest.raises(UnreadableImage, match=f"^/{PATH} cannot be read: {reason}"):
        contents({PATH: database})


def test_an_overflow_page_that_two_items_share_is_refused():
    """Else few bytes would have any number of long headers."""
    start = DATABASE.rindex(struct.pack("<II", FIRST, len(RPMS[2])))
    first = next(number for number in range(FIRST) if kind_and_next(number)[0] == 7)
    shared = DATABASE[:start] + struct.pack("<II", first, len(RPMS[0])) + DATABASE[start + 8 :]
    with pytest.raises(UnreadableImage, match=f"an item that has overflow page {first} is damaged"):
        contents({PATH: shared})


def test_a_damaged_database_beside_a_readable_one_is_left_out():
    found = contents({PATH: bytes(8192), "var/lib/rpm/rpmdb.sqlite": sqlite_database(RPMS)})
    assert len(found.packages) == 3
    assert found.skipped == (f"/{PATH} cannot be read: it does not begin as a hash database of Berkeley DB.",)


def test_a_scan_finds_vulnerabilities_of_amazon_linux_2(tmp_path):
    document = advisory("ALAS2-2024-1", affected("Amazon Linux:2", "openssl-libs", *fixed("1:3.0.7-25.amzn2")))
    files = {"etc/os-release": 'ID="amzn"\nVERSION_ID="2"\n', PATH: DATABASE}
    with Emulator(Settings(vulnerabilities=write(tmp_path / "osv", document))) as emulator:
        ecr = client_of(emulator)
        ecr.create_repository(repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
        put_image(ecr, "app", image("v1", Content(gzip.compress(tar(files)), OCI_LAYER)), "v1")
        answer = ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "v1"})
    assert answer["imageScanStatus"]["status"] == "COMPLETE"
    (finding,) = answer["imageScanFindings"]["findings"]
    attributes = {each["key"]: each["value"] for each in finding["attributes"]}
    assert (finding["name"], attributes["package_name"], attributes["package_version"]) == (
        "ALAS2-2024-1",
        "openssl-libs",
        "1:3.0.7-24.el9",
    )
