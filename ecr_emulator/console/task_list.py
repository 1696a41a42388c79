"""The tasks that wait: their purpose, and when each is performed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.domain.task import TaskPlace
from ecr_emulator.services.waiting_tasks import WaitingTasks

PER_PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@page("/activity/tasks")
def task_list(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the tasks in the order in which they are performed."""
    services, after = console.services, _place()
    found = WaitingTasks(services.store, services.background).page(console.registry, after, PER_PAGE)
    return console.render(
        "task_list.html",
        tasks=found.tasks,
        first_page=url_for("console.task_list"),
        next_page=_address(found.after) if found.after else None,
        is_first=after is None,
    )


def _place() -> TaskPlace | None:
    """Return the place after which the page begins, as the query names it; None for the first page."""
    at, key = request.args.get("after", ""), request.args.get("after_key")
    if key is None or not (at.isascii() and at.isdecimal() and len(at) < 16):
        return None
    return TaskPlace(_EPOCH + int(at) * _MILLISECOND, key)


def _address(place: TaskPlace) -> str:
    return url_for("console.task_list", after=(place.due_at - _EPOCH) // _MILLISECOND, after_key=place.key)
