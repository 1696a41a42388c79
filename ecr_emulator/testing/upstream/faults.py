"""Faults of single answers of a ``ScriptedUpstream``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from email.message import Message
from threading import Event

from ecr_emulator.quick_dataclasses import dataclass


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
        """Tell whether the request has a method (``None``: any) and a text in its path or query."""
        return method in (None, self.method) and part in f"{self.path}?{self.query}"


@dataclass(frozen=True)
class Reply:
    """A response and the way to send it. ``end_at`` counts bytes of the body."""

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
    """Send another response. ``Retry_After="2"`` stands for a Retry-After header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, reply: Reply(status, body, named)


def redirects(location: str, status: int = 307) -> Fault:
    """Send a redirect."""
    return answers(status, Location=location)


def cut_after(count: int) -> Fault:
    """Close the connection after a number of bytes of the body."""
    return lambda request, reply: replace(reply, end_at=count)


def reset_after(count: int) -> Fault:
    """Reset the connection after a number of bytes, some of which may be lost."""
    return lambda request, reply: replace(reply, end_at=count, resets=True)


def hang_up() -> Fault:
    """Close the connection before the status line."""
    return lambda request, reply: replace(reply, status=0, end_at=0)


def truncated_to(count: int) -> Fault:
    """Send a shorter body with its right length."""
    return lambda request, reply: replace(reply, body=reply.body[:count], takes_ranges=False)


def lengthened_by(extra: bytes) -> Fault:
    """Send a longer body with its right length."""
    return lambda request, reply: replace(reply, body=reply.body + extra)


def corrupted() -> Fault:
    """Send other bytes of the same length."""
    return lambda request, reply: replace(reply, body=bytes(byte ^ 0xFF for byte in reply.body))


def with_headers(**headers: str) -> Fault:
    """Replace headers. ``Content_Type`` stands for Content-Type; an empty value removes a header."""

    def fault(request: Request, reply: Reply) -> Reply:
        changed = reply.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(reply, headers={name: value for name, value in changed.items() if value})

    return fault


def ignores_range() -> Fault:
    """Send the whole body, whatever range was requested."""
    return lambda request, reply: replace(reply, takes_ranges=False)


def wrong_range() -> Fault:
    """Send a range that was not requested."""

    def fault(request: Request, reply: Reply) -> Reply:
        part = {"Content-Range": f"bytes 1-{len(reply.body) - 1}/{len(reply.body)}"}
        return replace(reply, status=206, body=reply.body[1:], headers=reply.headers | part, takes_ranges=False)

    return fault


def stalls(until: Event, after: int | None = None) -> Fault:
    """Send nothing until an event, before the status line or after a number of bytes of the body."""
    return lambda request, reply: replace(reply, waits_for=until, waits_at=after)
