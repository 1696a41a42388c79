"""XML documents without a document type, whose entities could make a document of any size.

https://www.w3.org/TR/xml/
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from ecr_emulator.scanner.packages.files import PackageFile, UnreadableFile

_MAX_DEPTH = 100
"""Maximum depth of elements within elements."""


def read_document(file: PackageFile) -> Element:
    """Return the root of a document. Names have no namespaces. Raises ``UnreadableFile``."""
    builder = TreeBuilder()
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise UnreadableFile(f"it has elements within elements, more than {_MAX_DEPTH} deep")
        builder.start(name.rpartition(":")[2], attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(":")[2])

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(file.document(), True)
    except (expat.ExpatError, LookupError, ValueError) as failure:  # the latter for encodings
        raise UnreadableFile(f"it is no XML document: {failure}") from failure
    return builder.close()


def _refuse_document_type(*_: Any) -> None:
    raise UnreadableFile("it has a document type, which lists of packages do not have")
