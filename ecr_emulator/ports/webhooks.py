"""The port of webhooks: HTTP receivers of events."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class ReceiverUnreachable(Exception):
    """The receiver gave no answer. The message says why."""


class ReceiverAnswer(NamedTuple):
    """The status of an answer, and the seconds after which the receiver wants the next attempt."""

    status: int
    retry_after: float | None = None


class Receiver(Protocol):
    """One HTTP receiver of events."""

    @property
    def name(self) -> str:
        """The scheme and the host of the receiver, for the log: the rest of its URL may be secret."""

    @property
    def key(self) -> str:
        """A text that stands for the URL in the database, from which nobody can learn the URL."""

    def post(self, body: bytes, seconds: float) -> ReceiverAnswer:
        """Send a document of JSON. Raises ``ReceiverUnreachable``, also if no answer begins within so many seconds."""
