"""The key of the last event that each webhook has got, kept in the database over a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from ecr_emulator.ports.store import Store
from ecr_emulator.ports.webhooks import Receiver
from ecr_emulator.services.optional_writes import optional_write


class Positions:
    """The positions of the receivers of one node.

    A receiver without a position begins with the events that are still to come. Positions of other receivers are
    forgotten, unless the positions ``are_shared`` with nodes that may have them. Positions only grow: of two nodes that
    both send events for a moment, the later position counts.
    """

    def __init__(self, store: Store, receivers: Sequence[Receiver], *, are_shared: bool) -> None:
        self._store = store
        self._lock = Lock()
        known = store.find_positions()
        newest = self._newest() if receivers else 0
        self._keys = {each.key: known.get(each.key, newest) for each in receivers}
        if are_shared:
            self._change(lambda found: {**self._keys, **found})
        elif self._keys != known:
            self._change(lambda _: self._keys)

    def last(self, receiver: Receiver) -> int:
        """Return the key of the last event that this node knows a receiver to have got."""
        return self._keys[receiver.key]

    def read(self, receiver: Receiver) -> int:
        """Return the key of the last event that a receiver has got, perhaps from another node."""
        self.put(receiver, self._store.find_positions().get(receiver.key, 0))
        return self.last(receiver)

    def put(self, receiver: Receiver, key: int) -> None:
        """Remember that a receiver has got the events up to a key."""
        with self._lock:
            self._keys[receiver.key] = max(key, self._keys[receiver.key])

    def keep(self, receiver: Receiver) -> None:
        """Store the position of a receiver. If this fails, events are sent again after a restart."""
        key = receiver.key
        self._change(lambda found: {**found, key: max(self._keys[key], found.get(key, 0))})

    def skip_history(self) -> None:
        """Let all receivers begin with the events that are still to come."""
        newest = self._newest()
        with self._lock:
            self._keys = dict.fromkeys(self._keys, newest)
        self._change(lambda found: dict.fromkeys({**found, **self._keys}, newest))

    def _newest(self) -> int:
        with self._store.reading() as work:
            return work.events.newest_key()

    def _change(self, change: Callable[[Mapping[str, int]], Mapping[str, int]]) -> None:
        with optional_write("the position of a webhook"):
            self._store.change_positions(change)
