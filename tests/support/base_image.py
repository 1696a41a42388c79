"""Make a base image of the Python that runs the tests, so that a Dockerfile can be built without pulling one."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

PROGRAMS = ("sh", "bash", "cat", "chmod", "chown", "env", "find", "gzip", "id", "mkdir", "rm", "sleep")
SETTINGS = ("/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/pip.conf", "/etc/ssl")
"""How programs find their libraries and hosts, and pip its index and the authorities that it trusts."""
OF_WHEELS = ("dl", "gcc_s", "m", "nss_dns", "nss_files", "pthread", "resolv", "rt", "stdc++", "util")
"""Libraries beside libc that wheels and the resolver load, although Python does not."""
WHEELS_OF_VENV = "/usr/share/python-wheels"
"""Debian's wheel of pip, which the module venv installs."""
LEFT_OUT = {"__pycache__", "dist-packages", "idlelib", "lib2to3", "site-packages", "test", "tests", "turtledemo"}


def write_base_image(path: Path) -> None:
    """Write the root file system of an image as a tar archive: Python, a shell, and what they need.

    Everything has the path that it has on this machine; ``python3`` is in /usr/local/bin as well.
    """
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined] # not the one of a virtual environment
    programs = [python, *(Path(shutil.which(name) or name) for name in PROGRAMS)]
    others = [stdlib, *map(Path, (WHEELS_OF_VENV, *SETTINGS))]
    with tarfile.open(path, "w", dereference=True) as archive:
        for folder in Path("/").iterdir():
            if folder.is_symlink():  # /bin is one to /usr/bin
                _link(archive, folder, folder.readlink())
        for each in {*programs, *_libraries(*programs, *stdlib.glob("lib-dynload/*.so")), *others}:
            if each.exists():
                archive.add(each, str(each.parent.resolve() / each.name), filter=_readable)
        _link(archive, Path("/usr/local/bin/python3"), python)
        _writable_folder(archive, "tmp")


def _libraries(*programs: Path) -> set[Path]:
    """Return the shared libraries that programs load, and the loader."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    found = {Path(path) for path in re.findall(r"(/\S+) \(0x", told)}
    (folder,) = {path.parent for path in found if path.name.startswith("libc.so")}
    return found.union(*(folder.glob(f"lib{name}.so.[0-9]") for name in OF_WHEELS))


def _readable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if LEFT_OUT & set(Path(member.name).parts[-1:]) or Path(member.name).name.startswith("config-"):
        return None
    member.uid = member.gid = 0
    member.mode |= stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    return member


def _link(archive: tarfile.TarFile, path: Path, target: Path) -> None:
    member = tarfile.TarInfo(str(path))
    member.type, member.linkname = tarfile.SYMTYPE, str(target)
    archive.addfile(member)


def _writable_folder(archive: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o1777
    archive.addfile(member)
