"""``/_ecr/health``, ``/_ecr/ready``, ``/_ecr/clock``, ``/_ecr/events`` and ``/_ecr/reset``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from ecr_emulator import __version__
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.services import Services

EVENTS_PER_PAGE = 1_000


class MovableClock(Protocol):
    """A clock that users may move."""

    def now(self) -> datetime:
        """The current instant."""

    def advance(self, by: timedelta) -> datetime:
        """Move on and return the new now."""


def admin_blueprint(services: Services, clock: MovableClock, reset: Callable[[], None]) -> Blueprint:
    """The routes. ``reset`` empties the emulator."""
    admin = Blueprint("admin", __name__)

    @admin.get("/_ecr/health")
    @admin.get("/_localstack/health")
    def health() -> ResponseReturnValue:
        return jsonify(status="ok", version=__version__, services={"ecr": "running"})

    @admin.get("/_ecr/ready")
    def ready() -> ResponseReturnValue:
        with services.store.reading() as work:
            work.repositories.find(services.home, "ready")
        return jsonify(status="ready")

    @admin.get("/_ecr/clock")
    def read_clock() -> ResponseReturnValue:
        return jsonify(now=clock.now().isoformat())

    @admin.post("/_ecr/clock")
    def move_clock() -> ResponseReturnValue:
        body: Any = request.get_json(silent=True)
        advance = body.get("advance") if isinstance(body, dict) else None
        try:
            by = parse_duration(str(advance))
        except ValueError as wrong:
            return jsonify(error=f"The body must be like {{\"advance\": \"24h\"}}: {wrong}"), 400
        return jsonify(now=clock.advance(by).isoformat())

    @admin.get("/_ecr/events")
    def events() -> ResponseReturnValue:
        after = request.args.get("after", "0")
        if not after.isdecimal():
            return jsonify(error=f"after={after!r} must be the key of an event, a number"), 400
        with services.store.reading() as work:
            found = work.events.after(int(after), EVENTS_PER_PAGE)
        last = found[-1].key if found else int(after)
        return jsonify(events=[event.envelope() for event in found], last=last)

    @admin.post("/_ecr/reset")
    def empty() -> ResponseReturnValue:
        reset()
        return jsonify(status="empty")

    @admin.errorhandler(404)
    def unknown(_: Exception) -> ResponseReturnValue:
        return jsonify(error="There is no such endpoint under /_ecr/."), 404

    return admin
