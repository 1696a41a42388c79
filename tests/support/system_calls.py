"""The system calls of a program by which it changes files and answers requests, as strace prints them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.support.programs import not_installed, program, until

CALLS = (
    "openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,ftruncate,fallocate,"
    "write,pwrite64,lseek,fsync,fdatasync,writev,sendto,recvfrom"
)
LONGEST = 8 << 20
"""Bytes of a write that strace prints. Longer ones would be cut off."""

_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?(?: .*)?", re.DOTALL)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_FILE = re.compile(r"(?:AT_FDCWD|\d+)<(/[^>]*)>")
_STATUS = re.compile(r'iov_base="HTTP/1\.1 (?!204)([2-5]\d\d) ')
"""A server answers 204 to the requests by which it finds out whether it answers."""


class Call(NamedTuple):
    """A call, or the begin of one that takes time: ``result`` is None then, and a call with the result follows.

    ``paths`` are absolute; those of files that are open come before those that are given as text. ``data`` is what is
    written or sent, and ``numbers`` are the numeric arguments.
    """

    thread: int
    name: str
    paths: tuple[str, ...]
    data: bytes
    numbers: tuple[int, ...]
    flags: str
    result: int | None

    @property
    def status(self) -> int | None:
        """The status of the HTTP response whose first bytes this call sends; None if it sends something else."""
        found = _STATUS.search(self.flags) if self.name == "writev" else None
        return int(found[1]) if found else None


def strace(trace: Path) -> list[str]:
    """Return the beginning of a command that traces what follows. Its process is that of the traced program.

    Skips the test, or fails it in CI, where there is no strace or no program may trace another one.
    """
    command = [program("strace"), "-D", "-f", "-qq", "-yy", "--seccomp-bpf", "-s", str(LONGEST)]
    if not _may_trace(command[0]):
        not_installed("strace with the permission to trace (ptrace)")
    return [*command, "-e", f"trace={CALLS}", "-o", str(trace)]


def wait_for_end(trace: Path, process: int) -> None:
    """Wait until strace has written everything about a process that has ended."""
    ends = re.compile(rf"^{process} +\+\+\+ ", re.MULTILINE)
    until(lambda: ends.search(trace.read_text(encoding="ascii")[-10_000:]))


def read_calls(trace: Path, folder: Path) -> Iterator[Call]:
    """Yield the calls in their order; relative paths begin at ``folder``, where the program was started."""
    unfinished: dict[str, str] = {}
    with trace.open(encoding="ascii") as lines:
        for line in lines:
            found = _LINE.match(line.rstrip("\n"))
            assert found, line
            thread, text = found.groups()
            resumed = _RESUMED.match(text)
            if resumed:
                text = unfinished.pop(thread, "") + resumed[2]
            elif text.endswith(_UNFINISHED):
                unfinished[thread] = text.removesuffix(_UNFINISHED)
                yield _call(int(thread), f"{unfinished[thread]}) = 0", folder)._replace(result=None)
                continue
            if _CALL.fullmatch(text):
                call = _call(int(thread), text, folder)
                if not resumed:
                    yield call._replace(result=None)
                yield call


def _call(thread: int, text: str, folder: Path) -> Call:
    found = _CALL.fullmatch(text)
    assert found, text
    name, arguments, result, opened = found.groups()
    if name in ("writev", "sendto", "recvfrom"):
        return Call(thread, name, (), _sent(name, arguments), (), arguments, int(result))
    texts = [_unescaped(each) for each in _TEXT.findall(arguments)]
    bare = _TEXT.sub("", arguments)
    files = _FILE.findall(bare)
    data = b""
    if name in ("write", "pwrite64"):
        data = texts.pop() if texts else b""
    paths = _paths(name, files, [os.fsdecode(each) for each in texts], folder)
    numbers = tuple(int(each) for each in re.findall(r"(?<=, )-?\d+", bare))
    flags = bare if opened is None else f"{bare} = {opened}"
    return Call(thread, name, paths, data, numbers, flags, int(result))


def _paths(name: str, files: list[str], texts: list[str], folder: Path) -> tuple[str, ...]:
    """Return the paths of open files, or those that are texts, which begin at open folders if there are any."""
    if not texts:
        return tuple(files)
    starts = files if len(files) == len(texts) else [os.fspath(folder)] * len(texts)
    return tuple(os.path.normpath(os.path.join(start, text)) for start, text in zip(starts, texts, strict=True))


def _sent(name: str, arguments: str) -> bytes:
    texts = _TEXT.findall(arguments)
    return b"".join(map(_unescaped, texts)) if name != "recvfrom" or texts else b""


def _unescaped(text: str) -> bytes:
    raw = ast.literal_eval(f'b"{text}"') if "\\" in text else text.encode("ascii")
    assert isinstance(raw, bytes)
    return raw


@cache
def _may_trace(path: str) -> bool:
    return subprocess.run([path, "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
