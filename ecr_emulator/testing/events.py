"""The events that ECR would have sent to EventBridge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

Event = dict[str, Any]
"""An envelope as EventBridge delivers it, with ``detail-type``, ``account``, ``region`` and ``detail``."""


class EventLog(Sequence[Event]):
    """The events since a moment, oldest first. Each look reads them anew; ``read`` takes a path and returns JSON.

    With an account, the events of that account.
    """

    def __init__(self, read: Callable[[str], Any], after: int = 0, account: str | None = None) -> None:
        self._read = read
        self._after = after
        self._account = account

    def from_now_on(self) -> EventLog:
        """Return the log of the events that are still to come."""
        return EventLog(self._read, self._read("/_ecr/events?after=now")["last"], self._account)

    @property
    def missed(self) -> int:
        """Number of events since that moment that have been removed because the log was full, or by a reset."""
        return sum(page["missed"] for page in self._pages())

    def of_type(self, detail_type: str) -> list[Event]:
        """Return the events of a ``detail-type``, like ``ECR Image Action``."""
        return [event for event in self if event["detail-type"] == detail_type]

    def __iter__(self) -> Iterator[Event]:
        for page in self._pages():
            yield from (event for event in page["events"] if self._account in (None, event["account"]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        return list(self)[index]

    def __repr__(self) -> str:
        return f"EventLog({list(self)!r})"

    def _pages(self) -> Iterator[dict[str, Any]]:
        after = self._after
        while True:
            page: dict[str, Any] = self._read(f"/_ecr/events?after={after}")
            yield page
            if not page["events"]:
                return
            after = page["last"]
