"""Answers to pulls, remembered as they were sent, for as long as the emulator would answer the same again.

Most pulls repeat an earlier one. Such a request costs one look-up here, instead of the search for its token, registry,
repository and image (docs/decisions/0030-remembered-answers.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from ecr_emulator.bulkheads import Bulkhead
from ecr_emulator.counted_body import CountedBody
from ecr_emulator.ports.time import MeasuringClock
from ecr_emulator.quick_dataclasses import dataclass
from ecr_emulator.request_counts import Records, RequestFacts
from ecr_emulator.request_log import NOTE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


REMEMBER = "ecr_emulator.remember"
"""Key of a WSGI environment. The application stores a ``Rememberable`` there if its answer may be remembered."""
LARGEST_BODY = 64 * 1024
"""Bytes of the largest body that is remembered although it can be read again."""
CAPACITY = 32 * 1024 * 1024
"""Bytes of all remembered answers, roughly."""
OVERHEAD = 2048
"""Bytes that an answer without a body needs, roughly, with its request."""
LOOK_AGAIN_AFTER = 0.05
"""Seconds after which the stored bytes of an answer are looked at again.

To look takes as long as everything else in an answer, and lets another thread take Python's lock.
"""

Key = tuple[Any, ...]


class Validity(Protocol):
    """Tells how long an answer stays the same."""

    def holds(self, now: datetime) -> bool:
        """Whether the application would give the same answer now."""


@dataclass(frozen=True, slots=True)
class Rememberable:
    """The statement of the application about an answer that may be remembered.

    ``reread`` returns the body of a large answer again; it raises an exception if it cannot. Without it, the body is
    remembered whatever its size. ``is_intact`` tells whether the stored bytes are still what they were, without which
    the answer does not depend on any.
    """

    validity: Validity
    reread: Callable[[], Iterable[bytes]] | None = None
    is_intact: Callable[[], bool] | None = None


@dataclass(slots=True)
class _Answer:
    """An answer as it was sent, and the facts to record about its request.

    Without a ``body``, ``about.reread`` returns the body, and ``length`` is 0. ``look_at`` is when the stored bytes
    are looked at next. ``is_used`` tells that it was given since it was last spared.
    """

    status: str
    headers: list[tuple[str, str]]
    body: list[bytes] | None
    length: int
    facts: RequestFacts
    about: Rememberable
    look_at: float = 0.0
    is_used: bool = False

    @property
    def size(self) -> int:
        return OVERHEAD + self.length


def _key(get: Callable[[str], Any]) -> Key:
    """Return the properties of a request that an answer to a pull may depend on.

    ``get`` is that of the request's environment. The application is asked about requests that differ in any of these.
    Calls that are written out take two thirds of the time of ``map``.
    """
    return (
        get("REQUEST_METHOD"), get("PATH_INFO"), get("QUERY_STRING"), get("wsgi.url_scheme"), get("SERVER_PROTOCOL"),
        get("HTTP_HOST"), get("HTTP_AUTHORIZATION"),
        get("HTTP_X_FORWARDED_FOR"), get("HTTP_X_FORWARDED_PROTO"),
        get("HTTP_X_FORWARDED_HOST"), get("HTTP_X_FORWARDED_PORT"),
        get("HTTP_ORIGIN"), get("HTTP_REFERER"), get("HTTP_SEC_FETCH_SITE"),
        get("HTTP_RANGE"), get("HTTP_IF_RANGE"), get("HTTP_IF_MATCH"), get("HTTP_IF_NONE_MATCH"),
    )  # fmt: skip


class RememberedAnswers:
    """Answers a request as it was answered before, or else asks the application and remembers its answer.

    The application records its answers itself; ``records`` are given the remembered ones.

    ``is_open`` tells whether remembered answers may be given at all: not while faults are injected. ``given`` counts
    the remembered answers that were given; ``capacity`` bounds their bytes. The oldest is forgotten first, but spared
    if it was used since it was last spared. ``pulls`` limits the answers that are read again while they are sent, which
    may take long.
    """

    def __init__(
        self,
        wsgi: WSGIApplication,
        records: Records,
        clock: MeasuringClock,
        is_open: Callable[[], bool],
        capacity: int = CAPACITY,
        pulls: Bulkhead | None = None,
    ) -> None:
        self._wsgi = wsgi
        self._records = records
        self._now = clock.now
        self._elapsed = clock.elapsed
        self._is_open = is_open
        self._capacity = capacity
        self._pulls = pulls
        self.given = 0
        self._answers: dict[Key, _Answer] = {}
        self._size = 0
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._wsgi(environ, start_response)
        began = perf_counter()
        key = _key(environ.get)
        answer = self._answers.get(key)
        if answer is None:
            return self._ask(key, environ, start_response)
        now = self._now()
        body = self._body(answer, now)
        if body is None:
            self._forget(key)
            return self._ask(key, environ, start_response)
        self.given += 1
        answer.is_used = True
        environ[NOTE] = answer.facts.note
        start_response(answer.status, answer.headers.copy())
        if answer.body is None:
            return CountedBody(body, partial(self._record, answer, now, began))
        self._record(answer, now, began, answer.length)
        return body

    @property
    def size(self) -> int:
        """The bytes of all remembered answers, roughly."""
        return self._size

    def _body(self, answer: _Answer, now: datetime) -> Iterable[bytes] | None:
        """Return the body of an answer; None if the answer must not be given any more."""
        about = answer.about
        if not (self._is_open() and about.validity.holds(now)):
            return None
        if about.is_intact and not self._is_intact(answer, about.is_intact):
            return None
        if answer.body is not None:
            return answer.body
        assert about.reread is not None
        if self._pulls and not self._pulls.enter(waits=False):
            return None
        try:
            body = about.reread()
        except Exception:  # the application is asked, and says what is wrong
            if self._pulls:
                self._pulls.leave()
            return None
        return self._pulls.until_sent(body) if self._pulls else body

    def _is_intact(self, answer: _Answer, look: Callable[[], bool]) -> bool:
        """Return whether the stored bytes were what they should be a moment ago; False if they are out of reach."""
        elapsed = self._elapsed()
        if elapsed < answer.look_at:
            return True
        try:
            is_intact = look()
        except Exception:  # the application is asked, and says what is wrong
            return False
        answer.look_at = elapsed + LOOK_AGAIN_AFTER
        return is_intact

    def _record(self, answer: _Answer, now: datetime, began: float, sent: int) -> None:
        self._records.add(answer.facts, now, perf_counter() - began, sent)

    def _ask(self, key: Key, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            sent.append((status, headers.copy()))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        body = self._wsgi(environ, start)
        about: Rememberable | None = environ.get(REMEMBER)
        if about is None:
            return body
        ((status, headers),) = sent
        if status != "200 OK":
            return body
        is_here = environ["REQUEST_METHOD"] == "HEAD" or about.reread is None
        whole = _whole(body) if is_here or int(dict(headers)["Content-Length"]) <= LARGEST_BODY else None
        length = sum(map(len, whole or ()))
        self._remember(key, _Answer(status, headers, whole, length, RequestFacts.of(environ, status), about))
        return body if whole is None else whole

    def _remember(self, key: Key, answer: _Answer) -> None:
        with self._lock:
            self._remove(key)
            self._answers[key] = answer
            self._size += answer.size
            while self._size > self._capacity:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Forget the oldest answer; spare it if it was used, as if it were new."""
        key = next(iter(self._answers))
        oldest = self._answers.pop(key)
        if oldest.is_used:
            oldest.is_used = False
            self._answers[key] = oldest
        else:
            self._size -= oldest.size

    def _forget(self, key: Key) -> None:
        with self._lock:
            self._remove(key)

    def _remove(self, key: Key) -> None:
        removed = self._answers.pop(key, None)
        if removed:
            self._size -= removed.size


def _whole(body: Iterable[bytes]) -> list[bytes]:
    """Return a body as a list, and close it."""
    close = getattr(body, "close", None)
    try:
        return list(body)
    finally:
        if close:
            close()
