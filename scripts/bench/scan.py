"""The cost of scans: an image of 1 GiB with 500 packages against 200,000 advisories.

Needs Linux, and the package with its test extra: ``python scripts/bench/scan.py [MiB] [advisories]``. Makes the
advisories and the image in a temporary folder. Indexes the advisories, indexes them again after one has been added, and
reads and matches the image, each in a process of its own. Prints the processor time and the memory that each needed
beyond a process that has only imported the scanner. ``scan_requests.py`` measures other requests meanwhile.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))


from ecr_emulator.ports.image_contents import Layer
from ecr_emulator.scanner.advisories.indexed import IndexedAdvisories
from ecr_emulator.scanner.image_reader import LayerReader
from tests.support.advisories import CRITICAL_VECTOR, advisory, affected, fixed

MIB = 1024 * 1024
PACKAGES = 500
FILES = 20_000
"""Number of files of which the image consists. A tenth of them are programs."""
STEPS = ("start", "index", "update", "scan")
TEXT = "A flaw in the library lets an attacker read memory that it should not read. " * 20


def main() -> None:
    size, count = (int(each) for each in [*sys.argv[1:], "1024", "200000"][:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_advisories(folder / "osv", count)
        make_layer(folder / "layer", size)
        packed = (folder / "layer").stat().st_size // MIB
        print(f"image: {size} MiB in {FILES:,} files, {packed} MiB compressed, {PACKAGES} packages")
        print(f"advisories: {count:,}")
        for step in STEPS:
            if step == "update":
                with zipfile.ZipFile(folder / "osv" / "all.zip", "a", zipfile.ZIP_DEFLATED) as archive:
                    add_advisory(archive, count)
            subprocess.run([sys.executable, __file__, step, name], check=True)


def make_advisories(folder: Path, count: int) -> None:
    """Write an archive of advisories as osv.dev publishes it. Each package of the image has twenty of them."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            add_advisory(archive, number)


def add_advisory(archive: zipfile.ZipFile, number: int) -> None:
    """Add an advisory to an archive."""
    name = f"lib{number % 10_000}"
    releases = [affected(f"Debian:{release}", name, *fixed(f"1.{number % 9}.3-1+deb12u4")) for release in (11, 12, 13)]
    document = advisory(f"CVE-2024-{number:06}", *releases, details=TEXT, published="2024-01-01T00:00:00Z")
    document["severity"] = [{"type": "CVSS_V3", "score": CRITICAL_VECTOR}]
    document["references"] = [{"type": "WEB", "url": f"https://example.com/{number}/{each}"} for each in range(9)]
    archive.writestr(f"{document['id']}.json", json.dumps(document))


def make_layer(blob: Path, size: int) -> None:
    """Write a layer of programs and other files, which compress to about a third."""
    status = "".join(
        f"Package: lib{number}-bin\nStatus: install ok installed\nSource: lib{number}\n"
        f"Version: 1.{number % 9}.3-1+deb12u3\nDescription: a library\n{' It does this and that.' * 20}\n\n"
        for number in range(PACKAGES)
    )
    chosen = random.Random(1)
    block = bytes(chosen.choice(b"abcdefghijkl\0\0\0\0") for _ in range(MIB))
    with gzip.open(blob, "wb", compresslevel=1) as out, tarfile.open(fileobj=out, mode="w|") as archive:
        for file, text in (("etc/os-release", "ID=debian\nVERSION_ID=12"), ("var/lib/dpkg/status", status)):
            add(archive, file, text.encode())
        for number in range(FILES):
            start = number % 1000
            data = block[start : start + size * MIB // FILES]
            is_program = number % 10 == 0
            path = f"usr/lib/folder{number % 300}/file{number}"
            add(archive, path, b"\x7fELF" + data if is_program else data, 0o755 if is_program else 0o644)


def add(archive: tarfile.TarFile, path: str, data: bytes, mode: int = 0o644) -> None:
    """Add a file to an archive."""
    header = tarfile.TarInfo(path)
    header.size, header.mode = len(data), mode
    archive.addfile(header, io.BytesIO(data))


def measure(step: str, folder: Path) -> None:
    """Perform a step, and print what it cost this process."""
    started = time.process_time()
    advisories = IndexedAdvisories(folder / "osv", folder / "advisories.sqlite")
    if step in ("index", "update"):
        advisories.refresh()
    elif step == "scan":
        path = folder / "layer"
        layer = Layer(
            f"sha256:{hashlib.sha256(step.encode()).hexdigest()}", path.stat().st_size, lambda: path.open("rb")
        )
        contents = LayerReader().read([layer])
        read = time.process_time() - started
        found = advisories.find(contents)
        print(f"{len(contents.packages)} packages, {len(found)} findings; reading: {read:.1f} s;", end=" ")
    else:
        (folder / "memory").write_text(str(peak()))
        return
    memory = peak() - int((folder / "memory").read_text())
    index = (folder / "advisories.sqlite").stat().st_size // MIB
    seconds = time.process_time() - started
    print(f"{step}, index of {index} MiB: {seconds:.1f} s of processor time, {memory} MiB more memory")


def peak() -> int:
    """Return the most memory that this process has used, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        measure(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
