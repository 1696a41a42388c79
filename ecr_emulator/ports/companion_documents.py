"""The port of the documents that keep a part of the companions' state: in files, or in a database that nodes share."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

RESETS = "resets"
"""The name of a document that keeps no state: the list of resets that nodes tell each other."""


class Document(NamedTuple):
    """A document of JSON. ``version`` is 0 in files; in a database, each change gives it a greater one.

    ``text`` is None if there is nothing to keep.
    """

    version: int
    text: str | None


class CompanionDocuments(Protocol):
    """The documents by name.

    Eight methods: half of them are for nodes that share documents. They raise ``OSError`` or ``StorageFailure`` if the
    storage fails.
    """

    @property
    def are_shared(self) -> bool:
        """Whether other nodes read and change these documents."""

    def changing(self) -> AbstractContextManager[object]:
        """Let nobody else change a document while the block runs.

        The block may be within a writing unit of the store or within another such block: it is a part of them then.
        """

    def versions(self) -> Mapping[str, int]:
        """Return the newest version of each shared document. Documents that nobody has kept are left out."""

    def names(self) -> list[str]:
        """Return the names of the documents that keep state."""

    def find(self, name: str) -> Document:
        """Return a document; one of version 0 without a text if nobody has kept it."""

    def put(self, name: str, text: str | None) -> int:
        """Replace a document, or remove it for None. Return its new version."""

    def touch(self, name: str) -> int:
        """Give a document a new version, so that other nodes read it and all that belongs to it. Return the version."""

    def place(self, name: str) -> str:
        """Return where a document is, in words for people."""
