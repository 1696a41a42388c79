"""Faults of single answers of a ``ScriptedUpstream``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.message import Message
from threading import Event


@dataclass(frozen=True)
class Request:
    """A request as it arrived. ``path`` is without the query; ``sent`` counts the body bytes of the answer."""

    method: str
    path: str
    query: str
    headers: Message
    sent: list[int] = field(default_factory=list)

    @property
    def authorization(self) -> str:
        """The Authorization header, empty if there is none."""
        return str(self.headers.get("Authorization", ""))

    def matches(self, method: str | None, part: str) -> bool:
        """Whether it is of this method, any if None, and has this in its path or query."""
        return method in (None, self.method) and part in f"{self.path}?{self.query}"


@dataclass(frozen=True)
class Reply:
    """An answer before it is sent, and how to send it. ``end_at`` counts bytes of the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    takes_ranges: bool = False
    end_at: int | None = None
    resets: bool = False
    waits_for: Event | None = None
    waits_at: int | None = None


Fault = Callable[[Request, Reply], Reply]


def answers(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Something else instead; ``Retry_After="2"`` stands for a Retry-After header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, reply: Reply(status, body, named)


def redirects(location: str, status: int = 307) -> Fault:
    """A redirect instead."""
    return answers(status, Location=location)


def cut_after(count: int) -> Fault:
    """The connection closes after so many bytes of the body that was promised."""
    return lambda request, reply: replace(reply, end_at=count)


def reset_after(count: int) -> Fault:
    """The connection is reset after so many bytes; some of them may be lost."""
    return lambda request, reply: replace(reply, end_at=count, resets=True)


def hang_up() -> Fault:
    """The connection closes before the status line."""
    return lambda request, reply: replace(reply, status=0, end_at=0)


def truncated_to(count: int) -> Fault:
    """A body of so many bytes, correctly announced."""
    return lambda request, reply: replace(reply, body=reply.body[:count], takes_ranges=False)


def lengthened_by(extra: bytes) -> Fault:
    """A body with more behind it, correctly announced."""
    return lambda request, reply: replace(reply, body=reply.body + extra)


def corrupted() -> Fault:
    """Other bytes of the same length."""
    return lambda request, reply: replace(reply, body=bytes(byte ^ 0xFF for byte in reply.body))


def with_headers(**headers: str) -> Fault:
    """Headers replaced; ``Content_Type`` stands for Content-Type, and an empty value removes the header."""

    def fault(request: Request, reply: Reply) -> Reply:
        changed = reply.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(reply, headers={name: value for name, value in changed.items() if value})

    return fault


def ignores_range() -> Fault:
    """The whole body, whatever was asked for."""
    return lambda request, reply: replace(reply, takes_ranges=False)


def wrong_range() -> Fault:
    """A part of the body that nobody asked for."""

    def fault(request: Request, reply: Reply) -> Reply:
        part = {"Content-Range": f"bytes 1-{len(reply.body) - 1}/{len(reply.body)}"}
        return replace(reply, status=206, body=reply.body[1:], headers=reply.headers | part, takes_ranges=False)

    return fault


def stalls(until: Event, after: int | None = None) -> Fault:
    """Silence until the event: before the status line, or after so many bytes of the body."""
    return lambda request, reply: replace(reply, waits_for=until, waits_at=after)
