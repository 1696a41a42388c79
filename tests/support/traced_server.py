"""A server whose system calls are traced, and what it has called for each of the changes that clients made."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.support.processes import Served, serving
from tests.support.state_facts import ServedRegistry
from tests.support.system_calls import Call, read_calls, strace, wait_for_end

MARKER = "/v2/marker/tags/list"
"""A request to this path says in the trace that a change has been answered."""


class TracedServer:
    """``ecr-emulator serve`` under strace. After ``end``, ``calls`` are the calls, and ``answers`` the last responses.

    ``answers`` has, for each change, the number of calls before the one that began to send its last response.
    """

    def __init__(self, folder: Path, server: Served) -> None:
        self._folder = folder
        self._server = server
        self.calls: list[Call] = []
        self.answers: list[int] = []
        self._begins: list[int] = []

    def perform(self, change: Callable[[ServedRegistry], object]) -> ServedRegistry:
        """Let a new client make a change; return another client, because a change may move the clock beyond tokens."""
        client = ServedRegistry(self._server.url)
        change(client)
        requests.get(f"{self._server.url}{MARKER}", timeout=60)
        return ServedRegistry(self._server.url)

    def end(self) -> None:
        """Kill the server and read the trace."""
        self._server.stop(signal.SIGKILL)
        wait_for_end(self._folder / "trace", self._server.process.pid)
        self.calls = list(read_calls(self._folder / "trace", self._folder))
        latest, is_marked = 0, False
        for number, call in enumerate(self.calls):
            if call.status and call.result is None:
                latest = number
                if is_marked:
                    self._begins.append(number + 1)
                is_marked = False
            elif call.name == "recvfrom" and call.result and MARKER.encode() in call.data:
                self.answers.append(latest)
                is_marked = True

    def calls_of(self, number: int) -> list[Call]:
        """Return the calls for a change, from the answer to the marker before it to its own last response."""
        return self.calls[self._begins[number - 1] if number else 0 : self.answers[number] + 1]


@contextmanager
def traced_server(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> Iterator[TracedServer]:
    """Run ``ecr-emulator serve`` in a folder under strace."""
    with serving(folder, "--port", "0", *arguments, variables=variables, under=strace(folder / "trace")) as server:
        yield TracedServer(folder, server)


def file_changes(calls: list[Call], top: Path) -> Iterator[str]:
    """Yield the steps towards an answer, as texts.

    They are syncs and changes of names below a folder, commits in PostgreSQL, writes that S3 confirms, and statuses.
    """
    is_synced: dict[int, str] = {}
    writes: dict[int, str] = {}
    for call in calls:
        paths = [path.removeprefix(f"{top}/") for path in call.paths if path.startswith(f"{top}/")]
        if call.status and call.result is None:
            yield f"answer {call.status}"
        elif paths and call.result == 0 and call.name in NAMES:
            yield " ".join([NAMES[call.name], *paths])
        elif call.name == "sendto" and (begin := _BEGIN.search(call.data)):
            is_synced[call.thread] = begin[1].decode()
        elif call.name == "recvfrom" and call.result and b"COMMIT\0" in call.data:
            yield f"commit with synchronous_commit {is_synced.pop(call.thread, 'of a reader')}"
        elif call.name == "sendto" and call.result and (put := _PUT.match(call.data)):
            writes[call.thread] = os.fsdecode(put[1])
        elif call.name == "recvfrom" and call.data.startswith(b"HTTP/1.1 200 ") and call.thread in writes:
            yield f"S3 confirms {writes.pop(call.thread)}"


_BEGIN = re.compile(rb"synchronous_commit = (\w+)")
_PUT = re.compile(rb"PUT (/[^ ?]+)")
NAMES = {
    "fsync": "sync", "fdatasync": "sync", "rename": "rename", "mkdir": "make", "unlink": "delete", "unlinkat": "delete",
}  # fmt: skip
"""The calls that ``file_changes`` yields, and their names there."""
