"""Downloads of blobs, continued when connections break."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.retries import AttemptFailed, Retries

if TYPE_CHECKING:
    from ecr_emulator.upstream.answer import Answer

log = logging.getLogger(__name__)

CHUNK = 1024 * 1024
"""Maximum number of bytes read at once. Each read wakes the readers of the blob; a fast upstream fills such a chunk."""
PROGRESS = 256 * 1024
"""Minimum number of bytes that counts as progress between two breaks."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)", re.IGNORECASE)

Open = Callable[[Mapping[str, str]], "Answer"]
"""Requests the blob from the registry with the given headers. Raises ``UpstreamFailure``.

Without a Range the status is 200 or 206. With a Range it may be any error, which may concern only the Range."""


class BlobDownload:
    """The bytes of one blob from an offset to ``size``. After a break, the rest is requested again.

    Every attempt starts at the registry, since the addresses that it redirects to expire.
    """

    def __init__(self, open_blob: Open, what: str, size: int, offset: int, retries: Retries) -> None:
        """``what`` names the blob in failures."""
        self._open = open_blob
        self._what = what
        self._size = size
        self._start = self._position = offset
        self._retries = retries
        self._takes_ranges = True

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes as they arrive, at most ``size`` in all. Raises ``UpstreamFailure``."""
        fruitless, progress_at = 0, self._position
        while self._position < self._size:
            why = "the body is too short"
            try:
                yield from self._attempt()
            except AttemptFailed as failed:
                why = failed.failure.reason
            if self._position >= self._size:
                return
            if self._position - progress_at >= PROGRESS:
                fruitless, progress_at = 0, self._position
            fruitless += 1
            log.info("%s broke off at byte %d of %d: %s", self._what, self._position, self._size, why)
            if fruitless > self._retries.resumes:
                raise UpstreamUnavailable(
                    f"{self._what} broke off at byte {self._position} of {self._size} again and again: {why}"
                )
            if fruitless > 1:
                self._retries.wait(fruitless - 1)

    def _attempt(self) -> Iterator[bytes]:
        """Yield the bytes of one connection until it ends."""
        with self._answer() as answer:
            skip = 0 if answer.status == 206 else self._position
            while self._position < self._size:
                chunk = answer.read(min(CHUNK, skip + self._size - self._position))
                if not chunk:
                    return
                skipped = min(skip, len(chunk))
                skip -= skipped
                if skipped < len(chunk):
                    self._position += len(chunk) - skipped
                    yield chunk[skipped:] if skipped else chunk

    def _answer(self) -> Answer:
        """Return an answer whose body starts at the position or, if the upstream supports no ranges, at 0."""
        if self._position and self._takes_ranges:
            answer = self._ask({"Range": f"bytes={self._position}-"})
            if answer.status == 200 or (answer.status == 206 and self._starts_here(answer)):
                return answer
            answer.discard()
            self._takes_ranges = False
        answer = self._ask({})
        if answer.status != 200:
            answer.discard()
            raise UpstreamUnavailable(f"{answer.who} answered {answer.status} when asked for the whole {self._what}")
        self._check_announced(answer)
        return answer

    def _ask(self, headers: Mapping[str, str]) -> Answer:
        """Return the registry's answer. After the first bytes, an unavailable registry counts as one more break."""
        try:
            return self._open(headers)
        except UpstreamUnavailable as away:
            if self._position == self._start:
                raise
            raise AttemptFailed(away) from away

    def _check_announced(self, answer: Answer) -> None:
        """Refuse a body that cannot be the blob, by its headers, before its first byte is passed on.

        Content-Encoding alone proves nothing: storage services call a layer encoded because it is a gzip file.
        """
        length, encoding = (answer.headers.get(f"Content-{name}", "").strip() for name in ("Length", "Encoding"))
        is_encoded = encoding.lower() not in ("", "identity")
        why = None
        if length.isdecimal() and int(length) != self._size and is_encoded:
            why = f"it is {encoding}-encoded, though asked not to be"
        elif length.isdecimal() and int(length) > self._size:
            why = f"it has {length} bytes, and its manifest says {self._size}"
        if why:
            answer.discard()
            raise UpstreamUnavailable(f"{answer.who} sent something else for {self._what}: {why}")

    def _starts_here(self, answer: Answer) -> bool:
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        return match is not None and int(match[1]) == self._position
