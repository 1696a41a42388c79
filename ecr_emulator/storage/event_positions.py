"""The key of the last event that each receiver has got. A reset keeps it, because keys of events only grow."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert as upsert

from ecr_emulator.storage.connections import Connection
from ecr_emulator.storage.statements import Statement
from ecr_emulator.storage.tables import state

KEY = "event-positions"

_FIND = Statement(select(state.c.value).where(state.c.key == bindparam("key")))
_store = upsert(state)
_STORE = Statement(_store.on_conflict_do_update(set_={"value": _store.excluded.value}))


def find(connection: Connection) -> dict[str, int]:
    """Return the positions by the keys of the receivers."""
    found = _FIND.one(connection, key=KEY)
    positions: dict[str, int] = json.loads(found.value) if found else {}
    return positions


def store(connection: Connection, positions: Mapping[str, int]) -> None:
    """Replace all positions."""
    _STORE.run(connection, key=KEY, value=json.dumps(dict(positions)).encode())
