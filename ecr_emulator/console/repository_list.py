"""The repositories of a registry: a list with a filter and orders, and a form for a new one."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.forms import say_done
from ecr_emulator.console.pages import ConsoleRequest, Section, form, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.domain.listing import CREATED, IMAGES, NAME, ORDERS, SIZE, ListedRepository, PlaceOfRepository

SECTION = Section("Repositories", "console.repositories")
PER_PAGE = 50
COLUMNS = ((NAME, "Name"), (IMAGES, "Images"), (SIZE, "Layers"), (CREATED, "Created"))
"""The columns by which the list can be sorted, with their headings."""


@page("/repositories")
def repositories(console: ConsoleRequest) -> ResponseReturnValue:
    """Show a page of the list."""
    console.require("ecr:DescribeRepositories", "*")
    part, order = request.args.get("part", "").strip().lower(), request.args.get("order", NAME)
    order = order if order in ORDERS else NAME
    with console.services.store.reading() as work:
        listed = work.listings.repositories(console.registry, part, order, _place(), PER_PAGE + 1)
    return console.render(
        "repositories.html",
        listed=listed[:PER_PAGE],
        pages=pages_of_list("console.repositories", _next_place(listed), part=part or None, order=order),
        part=part,
        order=order,
        columns=COLUMNS,
    )


@form("/repositories", back="console.repositories")
def create_repository(console: ConsoleRequest) -> ResponseReturnValue:
    """Create a repository, and show it."""
    name = request.form.get("repository_name", "").strip()
    members = {
        "registryId": console.registry.id,
        "repositoryName": name,
        "imageTagMutability": request.form.get("mutability", "MUTABLE"),
        "imageScanningConfiguration": {"scanOnPush": "scan_on_push" in request.form},
    }
    console.call("CreateRepository", members)
    say_done(f"The repository {name} was created.")
    return redirect(url_for("console.images", name=name), 303)


def _place() -> PlaceOfRepository | None:
    """Return the place after which the page begins, as the query names it; None for the first page."""
    number, _, name = asked_place().partition(" ")
    is_number = number.removeprefix("-").isdecimal() and number.isascii() and len(number) < 19
    return PlaceOfRepository(int(number), name) if name and is_number else None


def _next_place(listed: list[ListedRepository]) -> str | None:
    """Return the place after which the next page begins; None if this is the last one."""
    if len(listed) <= PER_PAGE:
        return None
    number, name = listed[PER_PAGE - 1].place
    return f"{number} {name}"
