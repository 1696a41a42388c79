"""The entries of a layer: its files, directories, links and whiteouts, checked one by one."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, cast

from ecr_emulator.ports.image_contents import Layer, UnreadableImage
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.scanner.layers.expanded_layer import ExpandedLayer
from ecr_emulator.scanner.layers.limits import Budget

_MAX_SIZE = 1 << 50


def _no_data() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a layer. ``path`` has no leading slash; ``target`` is the path that a hard link names."""

    path: str
    is_directory: bool = False
    is_file: bool = False
    is_sparse: bool = False
    is_executable: bool = False
    size: int = 0
    target: str | None = None
    open: Callable[[], IO[bytes] | None] = _no_data

    def renamed(self, path: str) -> Entry:
        """Return the same file under another path."""
        return replace(self, path=path)


def read_entries(layer: Layer, budget: Budget) -> Iterator[Entry]:
    """Yield the entries of a layer. The data of one can be read only until the next is asked for.

    Raises ``UnreadableImage`` for a damaged layer, and for entries that no tool makes: paths that leave the image,
    deep ones, and impossible sizes.
    """
    expanded = ExpandedLayer(layer, budget)
    try:
        yield from _entries(expanded, budget)
    except (tarfile.TarError, RecursionError, ValueError, OverflowError, IndexError) as failure:
        raise UnreadableImage(f"Layer {layer.digest} is no readable tar archive: {failure}") from failure
    except _RefusedEntry as refused:
        raise UnreadableImage(f"Layer {layer.digest} is refused: {refused}") from refused
    finally:
        expanded.close()


class _RefusedEntry(Exception):
    pass


def _entries(expanded: ExpandedLayer, budget: Budget) -> Iterator[Entry]:
    expanded.begin_entry()
    with _archive(expanded) as archive:
        while (member := archive.next()) is not None:
            expanded.begin_data()
            budget.add_entry()
            yield _entry(archive, member, budget)
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all of them
            expanded.begin_entry()
    if expanded.last_block.strip(b"\0"):  # tarfile takes a damaged header for the end
        raise tarfile.ReadError("a header is damaged")


def _archive(expanded: ExpandedLayer) -> tarfile.TarFile:
    try:
        return tarfile.TarFile(fileobj=cast(IO[bytes], expanded), errors="replace")
    except tarfile.ReadError:
        if expanded.tell():
            raise
        return tarfile.TarFile(fileobj=io.BytesIO(bytes(tarfile.RECORDSIZE)))  # some layers are empty files


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, budget: Budget) -> Entry:
    if not 0 <= member.size <= _MAX_SIZE:
        raise _RefusedEntry(f"{member.name[:200]!r} claims to have {member.size} bytes.")
    return Entry(
        path=_checked_path(member.name, budget),
        is_directory=member.isdir(),
        is_file=member.isreg(),
        is_sparse=member.issparse(),
        is_executable=bool(member.mode & 0o111),
        size=member.size,
        target=_checked_path(member.linkname, budget) if member.islnk() else None,
        open=partial(archive.extractfile, member),
    )


def _checked_path(name: str, budget: Budget) -> str:
    """Return a path without ``./`` and slashes around it. Absolute paths are relative to the root of the image."""
    if "\0" in name:
        raise _RefusedEntry(f"the path {name[:200]!r} contains a zero byte.")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _RefusedEntry(f"the path {name[:200]!r} leaves the image.")
    if len(parts) > budget.limits.path_depth:
        raise _RefusedEntry(f"the path {name[:200]!r} … has {len(parts)} parts.")
    return "/".join(parts)
