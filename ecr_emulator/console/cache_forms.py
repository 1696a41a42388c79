"""The forms that look after the cache: refresh cached tags, and import images before a client pulls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import monotonic

from flask import request

from ecr_emulator.console.forms import say_done, say_failed
from ecr_emulator.console.pages import ConsoleRequest, FormRefused, form
from ecr_emulator.console.text_filters import number, short_digest, size
from ecr_emulator.domain.image_names import parse_image_name
from ecr_emulator.ports.upstream_failures import UpstreamFailure
from ecr_emulator.services.access import BATCH_IMPORT, CREATE_REPOSITORY
from ecr_emulator.services.prefetch import Progress
from ecr_emulator.services.pull_through import NoRule, Refreshed

LONGEST_WAIT = 5.0
"""Seconds after which a browser no longer waits for the parts of an image; their import goes on."""


@form("/pull-through/import", back="console.pull_through")
def import_image(console: ConsoleRequest) -> None:
    """Import the image that was typed."""
    try:
        image = parse_image_name(request.form.get("image", "").strip())
    except ValueError as wrong:
        raise FormRefused(f"{wrong}.") from None
    if image.registry not in (None, console.registry):
        raise FormRefused(f"This is an image of another registry; this page imports into {console.registry.host}.")
    _import(console, image.repository, image.digest or image.tag or "latest")


@form("/pull-through/repository/<path:name>/import", back="console.cached_repository")
def import_tag(console: ConsoleRequest, name: str) -> None:
    """Import a tag of a cached repository."""
    _import(console, name, request.form.get("tag", ""))


@form("/pull-through/repository/<path:name>/refresh", back="console.cached_repository")
def refresh_tag(console: ConsoleRequest, name: str) -> None:
    """Check a tag of a cached repository at its upstream now, or all of its tags."""
    _require_import(console, name)
    tag = request.form.get("tag") or None
    try:
        refreshed = console.parts.cache.refresher.refresh(console.registry, name, tag, console.now)
    except NoRule as uncovered:
        raise FormRefused(f"{uncovered}.") from None
    failed = [each for each in refreshed if each.reason]
    (say_failed if failed else say_done)(_told(name, refreshed))


def _require_import(console: ConsoleRequest, name: str) -> None:
    """Raise ``AccessDeniedException`` unless the caller could import into a repository by a pull."""
    console.require("ecr:BatchGetImage", name)
    console.require(BATCH_IMPORT, name)
    with console.services.store.reading() as work:
        exists = work.repositories.find(console.registry, name) is not None
    if not exists:
        console.require(CREATE_REPOSITORY, name)


def _import(console: ConsoleRequest, name: str, reference: str) -> None:
    _require_import(console, name)
    prefetch, registry, now = console.parts.cache.prefetch, console.registry, console.now
    until = monotonic() + LONGEST_WAIT
    progress: Progress | None = None
    try:
        manifest = prefetch.manifest(registry, name, reference, now)
        steps = prefetch.image(registry, name, reference, manifest, now)
        while (progress := next(steps, progress)) and not _is_over(progress) and monotonic() < until:
            pass
    except UpstreamFailure as failure:
        raise FormRefused(f"{name}:{reference} was not imported: {failure.reason}") from None
    say_done(_progress_told(name, reference, progress))


def _is_over(progress: Progress) -> bool:
    return progress.blobs_done == progress.blobs


def _progress_told(name: str, reference: str, progress: Progress | None) -> str:
    if progress is None or _is_over(progress):
        fetched = f": {size(progress.new_bytes)} were new" if progress else ""
        return f"{name}:{short_digest(reference)} is here{fetched}."
    done, whole = size(progress.bytes_done), size(progress.bytes)
    return f"{name}:{short_digest(reference)} is being imported: {done} of {whole} are here."


def _told(name: str, refreshed: Sequence[Refreshed]) -> str:
    """Return the outcomes of a refresh in a sentence: of one tag with its digests, of several in numbers."""
    if not refreshed:
        return f"{name} has no tags."
    if len(refreshed) == 1:
        (only,) = refreshed
        moved = f" from {short_digest(only.previous)}" if only.previous and only.previous != only.digest else ""
        to = f" to {short_digest(only.digest)}" if moved and only.digest else ""
        return f"{name}:{only.tag} {only.outcome}{moved}{to}{f': {only.reason}' if only.reason else ''}."
    counts = Counter(each.outcome for each in refreshed)
    reasons = "".join(f" {each.tag}: {each.reason}." for each in refreshed if each.reason)
    return f"{name}: {', '.join(f'{number(count)} {outcome}' for outcome, count in counts.items())}.{reasons}"
