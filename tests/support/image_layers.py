"""Make layers of images by hand: files, links and whiteouts, in every compression."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ecr_emulator.domain.names import digest_of
from ecr_emulator.domain.packages import ImageContents, Package
from ecr_emulator.ports.image_contents import Layer
from ecr_emulator.scanner.image_reader import LayerReader
from ecr_emulator.scanner.layers.limits import Limits

Files = Mapping[str, "str | bytes | tarfile.TarInfo | None"]


def tar(files: Files, mode: int = 0o644) -> bytes:
    """Return an archive. The content of a path is its bytes, a text, a header without data, or None for a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                content.name = path
                archive.addfile(content)
                continue
            entry = tarfile.TarInfo(path)
            entry.mode = mode
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
                continue
            data = content.encode() if isinstance(content, str) else content
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def link(target: str, kind: bytes = tarfile.LNKTYPE) -> tarfile.TarInfo:
    """Return the header of a hard link, or of a symbolic one."""
    header = tarfile.TarInfo()
    header.type = kind
    header.linkname = target
    return header


def layer(content: Files | bytes, compress: Callable[[bytes], bytes] = gzip.compress) -> Layer:
    """Return a layer of files, or of the bytes of an archive."""
    blob = compress(content if isinstance(content, bytes) else tar(content))
    return Layer(digest_of(blob), len(blob), partial(io.BytesIO, blob))


def contents(*layers: Files | Layer, limits: Limits | None = None) -> ImageContents:
    """Return what the scanner finds in layers, given from the lowest to the uppermost."""
    made = [each if isinstance(each, Layer) else layer(each) for each in layers]
    return LayerReader(limits or Limits()).read(made)


def packages(*layers: Files | Layer) -> Sequence[Package]:
    """Return the packages that the scanner finds in layers."""
    return contents(*layers).packages


def names(*layers: Files | Layer) -> set[str]:
    """Return the packages that the scanner finds in layers, each as its name, a space and its version."""
    return {f"{package.name} {package.version}" for package in packages(*layers)}
