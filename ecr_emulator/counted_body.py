"""Streamed bodies of answers whose bytes are counted, for the request log and the metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


class CountedBody:
    """A streamed body. ``count`` is called with the bytes that were sent when the server closes the body.

    Servers close bodies however the answer ends.
    """

    def __init__(self, body: Iterable[bytes], count: Callable[[int], object]) -> None:
        self._body = body
        self._parts = iter(body)
        self._count = count
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = next(self._parts)
        self._sent += len(part)
        return part

    def close(self) -> None:
        """Close the body, and report the bytes."""
        try:
            close = getattr(self._body, "close", None)
            if close:
                close()
        finally:
            self._count(self._sent)
