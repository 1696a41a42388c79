"""The requests that the emulator answered last."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from flask import request
from flask.typing import ResponseReturnValue

from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.domain.names import Registry
from ecr_emulator.request_counts import RequestFacts
from ecr_emulator.request_log import UNESCAPED_IN_PATHS
from ecr_emulator.request_records import MOST_RECENT, RecentRequest

PER_PAGE = 50
PLANES = {
    "distribution": "registry",
    "control": "ECR API",
    "companions": "other services",
    "admin": "emulator",
    "console": "console",
}
"""The words for the planes."""


class RequestFilter(NamedTuple):
    """The requests that a page shows: those of one plane, with a text in operation or path, or failures only.

    Those that name another registry are left out.
    """

    registry: Registry
    plane: str = ""
    text: str = ""
    failed: bool = False

    def admits(self, facts: RequestFacts) -> bool:
        """Return whether the page shows a request."""
        if self.plane and facts.kind.plane != self.plane:
            return False
        if self.failed and facts.kind.status < "400":
            return False
        note = facts.note
        place = note.get("account", self.registry.id), note.get("region", self.registry.region)
        return place == (self.registry.id, self.registry.region) and (
            self.text in facts.kind.operation or self.text in facts.path
        )


class RequestRow(NamedTuple):
    """A request with the words for its plane, its target, the look of its status, and the notes of its log line."""

    request: RecentRequest
    plane: str
    target: str
    look: str
    notes: list[str]


@page("/activity/requests")
def recent_requests(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the newest requests, or those before the one that the query names."""
    given = request.args
    wanted = RequestFilter(console.registry, given.get("plane", ""), given.get("text", "").strip(), "failed" in given)
    before = asked_place()
    number = int(before) if before.isascii() and before.isdecimal() and len(before) < 15 else None
    found = console.parts.records.recent(number, PER_PAGE + 1, wanted.admits)
    shown = found[:PER_PAGE]
    query = {
        "plane": wanted.plane or None,
        "text": wanted.text or None,
        "failed": "yes" if wanted.failed else None,
    }
    next_place = shown[-1].number if len(found) > PER_PAGE else None
    return console.render(
        "recent_requests.html",
        rows=[_row(each) for each in shown],
        wanted=wanted,
        planes=PLANES,
        most=MOST_RECENT,
        pages=pages_of_list("console.recent_requests", next_place, **query),
    )


def _row(recent: RecentRequest) -> RequestRow:
    facts = recent.facts
    path = quote(facts.path.encode("latin-1"), safe=UNESCAPED_IN_PATHS)
    target = f"{facts.method} {path}"
    if facts.kind.plane in ("control", "companions"):
        target = f"{facts.kind.operation} {facts.note.get('repository', '')}".strip()
    status = facts.kind.status
    look = "bad" if status >= "500" else "warn" if status >= "400" else "good"
    note = facts.note
    notes = [f"cache: {note['cache']}"] if "cache" in note else []
    notes += [str(note[key]) for key in ("error", "reason") if key in note]
    return RequestRow(recent, PLANES.get(facts.kind.plane, facts.kind.plane), target, look, notes)
