"""Layers that no honest tool makes. A scan refuses them and says why; none may exhaust memory, disk or time."""

import gzip
import io
import tarfile
import zipfile
from functools import partial
from itertools import count

import pytest

from ecr_emulator.ports.image_contents import Layer, UnreadableImage
from ecr_emulator.scanner.image_reader import LayerReader
from ecr_emulator.scanner.layers.limits import Limits
from tests.support.image_layers import contents, layer, link, tar

PLAIN = {"app": "1"}
STATUS = "var/lib/dpkg/status"


def refusal(*layers, limits=None):
    with pytest.raises(UnreadableImage) as refused:
        contents(*layers, limits=limits)
    return str(refused.value)


def header(**members):
    made = tarfile.TarInfo("x")
    for name, value in members.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"../../etc/passwd": ""}, "the path '../../etc/passwd' leaves the image."),
        ({"a/../../b": ""}, "the path 'a/../../b' leaves the image."),
        ({"a": link("../../etc/shadow")}, "the path '../../etc/shadow' leaves the image."),
        ({"/".join("a" * 300): ""}, "has 300 parts."),
    ],
)
def test_paths_that_leave_the_image_are_refused(files, reason):
    assert refusal(PLAIN, files).endswith(reason)


def test_the_refused_layer_is_named():
    bad = layer({"../x": ""})
    assert refusal(PLAIN, bad).startswith(f"Layer {bad.digest} is refused:")


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"no archive", "is no readable tar archive"),
        (gzip.compress(b"no archive" * 100), "is no readable tar archive"),
        (gzip.compress(tar({"a": "x" * 100_000}))[:-20], "cannot be decompressed"),
        (gzip.compress(tar({"a": bytes(2000)})[:1500]), "is no readable tar archive"),
        (gzip.compress(tar(PLAIN)[:1024] + b"\7" * 512 + tar(PLAIN)), "a header is damaged"),
        (b"\x1f\x8b" + bytes(100), "cannot be decompressed"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "cannot be decompressed"),
    ],
)
def test_a_damaged_layer_is_refused(blob, reason):
    assert reason in refusal(layer(blob, bytes))


def test_a_layer_without_a_blob_is_refused():
    def missing():
        raise FileNotFoundError

    assert refusal(Layer("sha256:1", 1, missing)) == "Layer sha256:1 is missing."


def test_a_zip_bomb_is_refused_by_its_ratio():
    bomb = layer({"zeros": bytes(3_000_000)})
    assert refusal(bomb, limits=Limits(ratio_applies_from=1_000_000)).endswith(
        "expands to more than 200 times its size."
    )


def test_bytes_that_expand_without_end_are_refused():
    zeros = layer({"zeros": bytes(3_000_000)})
    assert refusal(zeros, zeros, limits=Limits(expanded_size=4_000_000)) == (
        "Its layers expand to more than 4000000 bytes."
    )


def test_more_entries_than_allowed_are_refused():
    many = {f"f{number}": "" for number in range(11)}
    assert refusal(many, limits=Limits(entries=10)) == "Its layers have more than 10 entries."


def test_a_scan_ends_after_its_time():
    ticks = partial(next, count(step=10))
    with pytest.raises(UnreadableImage, match=r"^Reading its layers takes more than 30 seconds\.$"):
        LayerReader(Limits(seconds=30), ticks).read([layer({f"f{number}": "" for number in range(100)})])


def test_an_entry_with_a_huge_header_is_refused():
    huge = io.BytesIO()
    with tarfile.open(fileobj=huge, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(header(pax_headers={"comment": "x" * 2_000_000}))
    assert "describes a file in more than 1048576 bytes" in refusal(layer(huge.getvalue()))


def test_long_names_of_long_names_are_refused():
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 1
    chain = (name.tobuf() + b"a".ljust(512, b"\0")) * 900
    assert "is no readable tar archive" in refusal(layer(chain + tar(PLAIN)))


def test_a_size_that_no_file_has_is_refused():
    blob = bytearray(tar(PLAIN)[:512])
    blob[124:136] = b"\x80" + (1 << 60).to_bytes(11, "big")
    blob[148:156] = b"%06o\0 " % (sum(blob[:148]) + sum(blob[156:512]) + 8 * 32)
    assert f"'app' claims to have {1 << 60} bytes." in refusal(layer(bytes(blob)))


def test_a_sparse_database_is_refused():
    sparse = io.BytesIO()
    members = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": STATUS}
    with tarfile.open(fileobj=sparse, mode="w", format=tarfile.PAX_FORMAT) as archive:
        pax = members | {"GNU.sparse.size": str(1 << 40), "GNU.sparse.map": f"{(1 << 40) - 512},512"}
        archive.addfile(header(pax_headers=pax, size=512), io.BytesIO(bytes(512)))
    assert refusal(layer(sparse.getvalue())) == f"/{STATUS} cannot be read: it is a sparse file."


def test_a_database_that_is_too_large_is_refused():
    assert refusal({STATUS: "x" * 101}, limits=Limits(text_file=100)) == (
        f"/{STATUS} cannot be read: it has 101 bytes, more than 100."
    )


def test_more_packages_than_allowed_are_refused():
    status = "".join(f"Package: p{number}\nVersion: 1\n\n" for number in range(11))
    assert refusal({STATUS: status}, limits=Limits(packages=10)) == "It lists more than 10 packages."


def skipped(files, limits=None):
    (reason,) = contents(files, limits=limits).skipped
    return reason


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("node_modules/a/package.json", "{"),
        ("node_modules/a/package.json", "[" * 200_000),
        ("node_modules/a/package.json", "[1]"),
        ("app/composer.lock", b"\xff"),
        ("app/Cargo.lock", "a = "),
        ("app/app.jar", "no archive"),
    ],
)
def test_a_damaged_list_of_packages_is_skipped_and_named(path, content):
    assert skipped({path: content}).startswith(f"/{path} cannot be read: it is no ")


def test_only_so_many_skipped_files_are_named():
    assert len(contents({f"node_modules/a{number}/package.json": "" for number in range(150)}).skipped) == 100


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pnpm-lock.yaml", "a: &a [1]\nb: *a", "it has aliases, which lock files do not have"),
        ("pnpm-lock.yaml", "a: " + "[" * 60 + "]" * 60, "it has collections within collections, more than 50 deep"),
        ("pnpm-lock.yaml", "? " * 500_000, "it has a key that is no text"),
        (
            "yarn.lock",
            "__metadata:\n  a: " + "{a: " * 60 + "}" * 60,
            "it has collections within collections, more than",
        ),
        ("poetry.lock", "a" + ".a" * 2_000 + " = 1", "it has a key of more than 16 parts"),
        ("poetry.lock", '"a b"' + ".'c'" * 2_000 + " = 1", "it has a key of more than 16 parts"),
        ("uv.lock", "[[package]]\n" * 200_000, "it has more than 100000 tables"),
        ("Package.resolved", '{"pins":' + "[" * 200_000, "it is no JSON document"),
        ("Cargo.lock", "[a]\n" * 200_000, "it has more than 100000 tables"),
        ("pom.xml", "<a>" * 500_000, "it has elements within elements, more than 100 deep"),
        (
            "pom.xml",
            '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            "it has a document type, which lists of packages do not",
        ),
        ("requirements.txt", "a==1\n" * 1_000_000, "it has 5000000 bytes, more than 4194304"),
    ],
)
def test_a_lock_file_that_takes_much_memory_or_time_is_skipped(name, text, reason):
    assert skipped({name: text}).startswith(f"/{name} cannot be read: {reason}")


def test_spaces_in_a_requirement_take_no_time():
    assert contents({"requirements.txt": "a" + " " * 1_000_000 + "b\na==1"}).packages[0].version == "1"


def archive_of(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_archives_in_archives_end_somewhere():
    jar = archive_of({})
    for _ in range(6):
        jar = archive_of({"inner.jar": jar})
    assert skipped({"app.jar": jar}).endswith("it has archives within archives, more than 4 deep.")


def test_archives_in_an_archive_have_a_limit_together():
    jar = archive_of({f"{number}.jar": archive_of({"a": bytes(1000)}) * 10 for number in range(10)})
    assert "the archives in it have more than" in skipped({"app.jar": jar}, Limits(database=len(jar) + 100))


def test_an_archive_with_too_many_files_is_not_listed():
    jar = archive_of({f"{number}": "" for number in range(100)})
    assert "its list of files has" in skipped({"app.jar": jar}, Limits(archive_directory=1000))
