"""Answers of upstreams: their status, their headers, and their bodies as they arrive."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from zlib import decompressobj
from zlib import error as zlib_error

import requests
from urllib3.exceptions import HTTPError

from ecr_emulator.domain.fault import Fault
from ecr_emulator.ports.upstream_failures import UpstreamUnavailable
from ecr_emulator.upstream.faulty_responses import OF_BODIES, spoil
from ecr_emulator.upstream.retries import AttemptFailed, NotRetryable, ReadTimedOut

SMALL_BODY = 64 * 1024
"""Maximum number of bytes read of an error, a redirect, or another body that is not needed."""
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 31
"""The argument by which zlib expects a gzip file."""


class Answer:
    """The status and headers of a response, whose body is not read yet. The caller must close it."""

    def __init__(
        self,
        response: requests.Response,
        who: str,
        give_back: Callable[[], None],
        count: Callable[[int], None],
        faults: Sequence[Fault],
        *,
        is_elsewhere: bool,
    ) -> None:
        """``is_elsewhere`` says that redirects led to another host. ``give_back`` is called at the end.

        ``count`` receives the number of bytes of each part of the body. ``faults`` have hit the request.
        """
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.who = who
        self.is_elsewhere = is_elsewhere
        self.body_faults = [fault for fault in faults if fault.kind in OF_BODIES]
        self._response = response
        self._give_back = give_back
        self._count = count

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()
        self._give_back()

    def read(self, limit: int) -> bytes:
        """Return bytes of the body as soon as some arrive, at most ``limit``; no bytes at its end.

        Raises ``AttemptFailed`` if the connection breaks, stalls, or ends before Content-Length.
        """
        with translated_errors(self.who, "broke off"):
            part: bytes = self._response.raw.read1(limit, decode_content=False) or b""
        self._count(len(part))
        return part

    def body(self, limit: int) -> bytes:
        """Return the body, or its first ``limit`` bytes. A body read to its end frees the connection."""
        parts, left = [], limit
        while left > 0 and (part := self.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def document(self, limit: int) -> bytes:
        """Return the body of a document, or its first ``limit`` bytes, decompressed if it is a gzip file.

        Some servers compress bodies though asked not to, and some only claim that they did.
        """
        body = self.body(limit)
        try:
            return decompressobj(GZIP_WINDOW).decompress(body, limit) if body.startswith(GZIP_MAGIC) else body
        except zlib_error:
            return body

    def spoil(self, faults: Sequence[Fault]) -> None:
        """Let the body break off or have wrong bytes, as these faults say."""
        spoil(self._response, faults)

    def discard(self) -> None:
        """Close an answer whose body is not needed."""
        with self, suppress(AttemptFailed):
            self.body(SMALL_BODY)


@contextmanager
def translated_errors(who: str, what: str, host: str | None = None) -> Iterator[None]:
    """Turn the exceptions of requests and urllib3 into ``AttemptFailed``."""
    try:
        yield
    except (requests.RequestException, HTTPError, OSError, UnicodeError) as error:
        raise _attempt_failed(who, what, error, host) from error


def _attempt_failed(who: str, what: str, error: Exception, host: str | None) -> AttemptFailed:
    root = _root(error)
    words = getattr(root, "strerror", None) or str(root) or repr(root)
    if isinstance(error, requests.exceptions.ReadTimeout):
        return ReadTimedOut(UpstreamUnavailable(f"{who} does not answer: {words}"), host=host)
    failure = UpstreamUnavailable(f"{who} {what}: {words}")
    kind = NotRetryable if isinstance(root, ssl.SSLCertVerificationError) else AttemptFailed
    return kind(failure, host=host)


def _root(error: BaseException) -> BaseException:
    """Return the innermost of exceptions that wrap each other; it has the message of the operating system."""
    while inner := error.__cause__ or next((each for each in error.args if isinstance(each, Exception)), None):
        error = inner
    return error
