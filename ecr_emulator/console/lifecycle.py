"""The lifecycle of a repository: its policy, the preview, and the images that it will expire on which day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console.forms import say_done
from ecr_emulator.console.lifecycle_timeline import Timeline, timeline
from ecr_emulator.console.pages import ConsoleRequest, FormRefused, form, page
from ecr_emulator.console.paging import Pages, asked_place, pages_of_list
from ecr_emulator.console.tabs import TABS
from ecr_emulator.console.text_filters import instant
from ecr_emulator.domain.lifecycle_preview import LifecyclePreview
from ecr_emulator.domain.repository import Repository
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.ports.ecr_api import EcrCallFailed
from ecr_emulator.services.clock_moves import set_clock
from ecr_emulator.services.lifecycle_forecasts import MOST_IMAGES
from ecr_emulator.services.optional_writes import optional_write

PREVIEW = "preview"
"""The value of ``of`` in the query for a page about the policy of the preview."""
PER_PAGE = 25
LONGEST_POLICY = 30_000
"""Bytes of HTML up to which a policy can be changed on the page."""
EXAMPLE = """{
  "rules": [
    {
      "rulePriority": 1,
      "description": "Expire untagged images after 14 days",
      "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
      "action": {"type": "expire"}
    }
  ]
}"""


class PreviewPage(NamedTuple):
    """A page of the results of a preview. ``counts`` are the numbers of all results by action."""

    status: str
    started_at: datetime
    results: list[dict[str, Any]]
    pages: Pages
    counts: dict[str, int]


class Typed(NamedTuple):
    """A policy as it was typed, and the reason why it was refused."""

    text: str
    error: str


@page("/lifecycle/<path:name>")
def lifecycle(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Show the policy of the repository, or that of its preview, and what it will do."""
    return _shown(console, name)


def _shown(console: ConsoleRequest, name: str, typed: Typed | None = None) -> str:
    console.require("ecr:GetLifecyclePolicy", name)
    refusal = console.refusal("ecr:GetLifecyclePolicyPreview", name)
    with console.services.store.reading() as work:
        repository = work.repositories.get(console.registry, name)
        count = work.images.count(repository)
        preview = None if refusal else work.lifecycle_previews.find(repository)
    is_preview = request.args.get("of") == PREVIEW and preview is not None
    policy = preview.policy if is_preview and preview else repository.lifecycle_policy
    return console.render(
        "lifecycle.html",
        repository=repository,
        tabs=TABS,
        is_preview=is_preview,
        policy=typed.text if typed else policy or "",
        error=typed.error if typed else None,
        example=EXAMPLE,
        longest_policy=LONGEST_POLICY,
        refusal=refusal,
        preview=_preview_page(console, preview, name=name, of=PREVIEW if is_preview else None) if preview else None,
        timeline=_timeline(console, repository, policy) if policy and not typed else None,
        count=count,
        most_images=MOST_IMAGES,
    )


def _timeline(console: ConsoleRequest, repository: Repository, policy: str) -> Timeline | None:
    try:
        told = console.parts.forecasts.forecast(repository, policy, console.now)
    except InvalidParameterException:  # the preview of a policy that an earlier version accepted
        return None
    return timeline(told, console.now) if told else None


def _preview_page(console: ConsoleRequest, preview: LifecyclePreview, **query: str | None) -> PreviewPage:
    place = asked_place()
    first = int(place) if place.isascii() and place.isdecimal() and len(place) < 8 else 0
    kinds = [result["action"]["type"] for result in preview.results]
    end = first + PER_PAGE
    return PreviewPage(
        preview.status_at(console.now),
        preview.started_at,
        list(preview.results[first:end]),
        pages_of_list("console.lifecycle", end if end < len(kinds) else None, **query),
        {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
    )


# --- Forms ---------------------------------------------------------------------------------------------------------


@form("/lifecycle/<path:name>/put", back="console.lifecycle")
def put_lifecycle_policy(console: ConsoleRequest, name: str) -> ResponseReturnValue | None:
    """Set the policy. A policy that ECR refuses stays on the page, with the reason."""
    text = request.form.get("policy", "")
    try:
        console.call("PutLifecyclePolicy", console.of_repository(name) | {"lifecyclePolicyText": text})
    except EcrCallFailed as refused:
        return _shown(console, name, Typed(text, refused.message)), 400
    say_done("The lifecycle policy was saved. It is evaluated within a day.")
    return None


@form("/lifecycle/<path:name>/preview", back="console.lifecycle")
def preview_lifecycle_policy(console: ConsoleRequest, name: str) -> ResponseReturnValue:
    """Start a preview of the policy as it was typed."""
    text = request.form.get("policy", "")
    try:
        console.call("StartLifecyclePolicyPreview", console.of_repository(name) | {"lifecyclePolicyText": text})
    except EcrCallFailed as refused:
        return _shown(console, name, Typed(text, refused.message)), 400
    return redirect(url_for("console.lifecycle", name=name, of=PREVIEW), 303)


@form("/lifecycle/<path:name>/delete", back="console.lifecycle")
def delete_lifecycle_policy(console: ConsoleRequest, name: str) -> None:
    """Delete the policy."""
    console.call("DeleteLifecyclePolicy", console.of_repository(name))
    say_done("The lifecycle policy was deleted.")


@form("/lifecycle/<path:name>/move", back="console.lifecycle")
def move_to_evaluation(console: ConsoleRequest, name: str) -> None:
    """Move the clock forward to the evaluation of a policy."""
    try:
        to = _evaluation_asked(request.form.get("to", ""))
        if to < console.parts.clock.now():
            raise ValueError("this evaluation is over")
        now = set_clock(console.parts.clock, console.services.background, to)
    except ValueError as wrong:
        raise FormRefused(f"The clock was not moved: {wrong}.") from None
    console.services.background.catch_up(now)
    with optional_write("the time"):
        console.services.store.remember_time(now)
    say_done(f"The clock shows {instant(now)} UTC.")


def _evaluation_asked(text: str) -> datetime:
    """Return the time of an evaluation. Raises ``ValueError``."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is not the time of an evaluation") from None
