"""Zip archives of advisories, as programs write them, and damaged ones."""

import io
import random
import struct
import zipfile

import pytest

from ecr_emulator.scanner.advisories.zip_archives import DamagedArchive, ZipArchive, deflated, inflated

TEXTS = {"a.json": b"{}", "folder/b.json": b"long " * 20_000, "ü.json": b"", "c.json": bytes(range(256))}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "all.zip"


def archive(file, texts=TEXTS, method=zipfile.ZIP_DEFLATED, comment=b""):
    with zipfile.ZipFile(file, "w", method) as made:
        for name, text in texts.items():
            made.writestr(name, text)
        made.comment = comment
    return file


def contents(file):
    with ZipArchive(file) as opened:
        found = {}
        for member in opened.members():
            packed = opened.packed(member)
            found[member.name] = inflated(packed, member.size) if member.method else packed
        return found


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("comment", [b"", b"a comment", b"PK\5\7" * 16_000], ids=["none", "short", "long"])
def test_members_are_read(file, method, comment):
    assert contents(archive(file, method=method, comment=comment)) == TEXTS


def test_an_archive_may_follow_other_data(file):
    archive(file)
    file.write_bytes(b"#!/bin/sh\n" * 50 + file.read_bytes())
    assert contents(file) == TEXTS


def test_an_archive_may_have_no_members(file):
    assert contents(archive(file, {})) == {}


def test_an_archive_may_be_written_as_a_stream(file):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.written = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    archive(pipe)
    file.write_bytes(pipe.written)
    assert contents(file) == TEXTS


def test_an_archive_may_have_numbers_of_64_bits(file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in TEXTS.items():
            with made.open(name, "w", force_zip64=True) as member:
                member.write(text)
    assert contents(file) == TEXTS


def test_a_directory_may_have_numbers_of_64_bits(file):
    whole = archive(file).read_bytes()
    end = len(whole) - 22
    count, size, offset = struct.unpack("<10xH2I2x", whole[end:])
    long_end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    short_end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    file.write_bytes(whole[:end] + long_end + locator + short_end)
    assert zipfile.ZipFile(file).testzip() is None
    assert contents(file) == TEXTS


@pytest.mark.parametrize("length", [0, 3, 22, 200])
def test_an_archive_that_is_cut_off_is_refused(file, length):
    file.write_bytes(archive(file).read_bytes()[:length])
    with pytest.raises(DamagedArchive, match="does not end like a zip archive"):
        contents(file)


def test_an_archive_without_its_beginning_is_refused(file):
    file.write_bytes(archive(file).read_bytes()[-50:])
    with pytest.raises(DamagedArchive, match="shorter than its directory says"):
        contents(file)


def test_damage_anywhere_ends_in_members_or_a_refusal(file):
    whole = archive(file).read_bytes()
    chosen = random.Random(1)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chosen.randrange(len(damaged))] = chosen.randrange(256)
        file.write_bytes(damaged)
        try:
            contents(file)
        except DamagedArchive as refusal:
            assert str(refusal)  # noqa: PT017 - damage need not be noticed


def test_data_that_expand_beyond_their_size_are_refused():
    with pytest.raises(DamagedArchive, match="more than 99 bytes"):
        inflated(deflated(b"0" * 100), 99)
    with pytest.raises(DamagedArchive, match="its end is missing"):
        inflated(deflated(b"0" * 100)[:-1], 100)
    assert inflated(deflated(b"0" * 100), 100) == b"0" * 100
