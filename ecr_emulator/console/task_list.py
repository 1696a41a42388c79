"""The tasks that wait: their purpose, and when each is performed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask.typing import ResponseReturnValue

from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.domain.task import TaskPlace
from ecr_emulator.services.waiting_tasks import WaitingTasks

PER_PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@page("/activity/tasks")
def task_list(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the tasks in the order in which they are performed."""
    services = console.services
    found = WaitingTasks(services.store, services.background).page(console.registry, _place(), PER_PAGE)
    return console.render(
        "task_list.html",
        tasks=found.tasks,
        pages=pages_of_list("console.task_list", _text_of(found.after) if found.after else None),
    )


def _place() -> TaskPlace | None:
    """Return the place after which the page begins, as the query names it; None for the first page."""
    at, _, key = asked_place().partition(" ")
    if not (key and at.isascii() and at.isdecimal() and len(at) < 16):
        return None
    return TaskPlace(_EPOCH + int(at) * _MILLISECOND, key)


def _text_of(place: TaskPlace) -> str:
    return f"{(place.due_at - _EPOCH) // _MILLISECOND} {place.key}"
