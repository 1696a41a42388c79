"""Attributes of moto's objects in records of this project, whose names do not depend on the version of moto.

A record, and the object that is restored from it, leave out attributes that the installed moto lacks; attributes of
moto that a record lacks keep moto's initial values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ecr_emulator.companions.error_responses import CompanionFailure

Record = dict[str, Any]


class IncompatibleMoto(CompanionFailure):
    """moto's objects have another structure than this emulator expects. The records are intact."""

    def __init__(self, kept: str, reason: object) -> None:
        from moto import __version__

        super().__init__(
            f"moto {__version__} keeps {kept} in a way that this emulator does not know: {reason!r}. "
            "Install the moto that it was tested with."
        )


@contextmanager
def requiring_known_attributes(kept: str) -> Iterator[None]:
    """Raise ``IncompatibleMoto`` if moto's objects lack a required attribute. ``kept`` names the objects."""
    try:
        yield
    except (AttributeError, LookupError, TypeError) as unfamiliar:
        raise IncompatibleMoto(kept, unfamiliar) from unfamiliar


def renamed(theirs: Mapping[str, Any], names: Mapping[str, str]) -> Record:
    """Return attributes of moto as a record. ``names`` has our names and moto's."""
    return {ours: theirs[name] for ours, name in names.items() if name in theirs}


def translated(record: Record, names: Mapping[str, str]) -> dict[str, Any]:
    """Return a record as attributes of moto."""
    return {name: record[ours] for ours, name in names.items() if ours in record}
