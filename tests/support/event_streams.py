"""A reader of server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any, NamedTuple

PATIENCE = 20
"""Seconds until a test that waits for a message fails."""


class Message(NamedTuple):
    """One message: its id, its type and its data. A comment has neither."""

    id: int | None
    type: str | None
    data: Any
    comment: str | None = None


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """Yield the messages and comments in the lines of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.rstrip("\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            key = int(fields["id"]) if "id" in fields else None
            yield Message(key, fields.get("event"), data, fields.get(""))
            fields = {}


class Follower:
    """A client of ``/_ecr/events?follow`` over a socket. A context manager."""

    def __init__(self, port: int, query: str = "follow", headers: dict[str, str] | None = None) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.request("GET", f"/_ecr/events?{query}", headers=headers or {})
        self.answer: HTTPResponse = self._connection.getresponse()
        self._messages = messages(line.decode() for line in self.answer)

    def next(self) -> Message:
        """Return the next message or comment."""
        return next(self._messages)

    def rest(self) -> list[Message]:
        """Return what comes until the stream ends."""
        return list(self._messages)

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()
