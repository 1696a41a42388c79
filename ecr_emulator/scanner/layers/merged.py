"""The merged view of an image's layers: each file once, as the uppermost layer that has it.

https://github.com/opencontainers/image-spec/blob/main/layer.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ecr_emulator.ports.image_contents import Layer
from ecr_emulator.scanner.layers.entries import Entry, read_entries
from ecr_emulator.scanner.layers.limits import Budget

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def visible_files(
    layers: Sequence[Layer], budget: Budget, is_wanted: Callable[[Entry], bool]
) -> Iterator[tuple[Layer, Entry]]:
    """Yield the wanted files of an image, each with its layer, from the uppermost layer to the lowest.

    If one layer has a path twice, the later of the two files counts, and it comes later. Hard links come with the data
    of their targets. Raises ``UnreadableImage``.
    """
    hidden = _Hidden()
    for number, layer in reversed(list(enumerate(layers))):
        yield from _files_of(layer, budget, hidden, is_wanted)
        if number:
            hidden.apply()


def _files_of(
    layer: Layer, budget: Budget, hidden: _Hidden, is_wanted: Callable[[Entry], bool]
) -> Iterator[tuple[Layer, Entry]]:
    links: dict[str, list[str]] = {}
    for entry in read_entries(layer, budget):
        directory, _, name = entry.path.rpartition("/")
        if name.startswith(_WHITEOUT):
            hidden.add_whiteout(directory, name)
            continue
        if entry.is_directory:
            hidden.add_directory(entry.path)
            continue
        hidden.add_file(entry.path)
        if hidden.covers(entry.path):
            continue
        if entry.is_file and is_wanted(entry):
            yield layer, entry
        elif entry.target is not None and is_wanted(entry):
            links.setdefault(entry.target, []).append(entry.path)
    if links:
        yield from _linked_files(layer, budget, links)


def _linked_files(layer: Layer, budget: Budget, links: dict[str, list[str]]) -> Iterator[tuple[Layer, Entry]]:
    """Read a layer again for the targets of hard links. Only the first link to a target is yielded."""
    for entry in read_entries(layer, budget):
        if entry.is_file and entry.path in links:
            yield layer, entry.renamed(links.pop(entry.path)[0])


class _Hidden:
    """Paths of lower layers that upper layers have replaced or deleted.

    Only the hashes of paths are kept: an image may have a million files, and a path takes five times the memory.
    """

    def __init__(self) -> None:
        self._files: set[int] = set()
        """Replaced or deleted paths. They hide everything below them too."""
        self._opaque: set[int] = set()
        """Directories whose contents in lower layers are hidden."""
        self._directories: set[int] = set()
        """Directories. They hide a file of the same path."""
        self._new_files: set[int] = set()
        self._new_opaque: set[int] = set()
        self._new_directories: set[int] = set()

    def add_whiteout(self, directory: str, name: str) -> None:
        """Hide what a whiteout names, in the layers below the one that is being read."""
        if name == _OPAQUE:
            self._new_opaque.add(hash(directory))
        else:
            self.add_file(f"{directory}/{name.removeprefix(_WHITEOUT)}".lstrip("/"))

    def add_file(self, path: str) -> None:
        """Hide a path and everything below it in the layers below the one that is being read."""
        self._new_files.add(hash(path))

    def add_directory(self, path: str) -> None:
        """Hide a file with the path of a directory, in the layers below the one that is being read."""
        self._new_directories.add(hash(path))

    def apply(self) -> None:
        """Begin with the next lower layer."""
        self._files |= self._new_files
        self._opaque |= self._new_opaque
        self._directories |= self._new_directories
        self._new_files, self._new_opaque, self._new_directories = set(), set(), set()

    def covers(self, path: str) -> bool:
        """Return whether an upper layer hides the file at a path."""
        own = hash(path)
        if own in self._files or own in self._directories or hash("") in self._opaque:
            return True
        if not self._files and not self._opaque:
            return False
        end = len(path)
        while (end := path.rfind("/", 0, end)) > 0:
            parent = hash(path[:end])
            if parent in self._files or parent in self._opaque:
                return True
        return False
