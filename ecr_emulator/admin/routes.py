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


class Admin:
    """The views. ``reset`` empties the emulator."""

    def __init__(self, services: Services, clock: MovableClock, reset: Callable[[], None]) -> None:
        self._services = services
        self._clock = clock
        self._reset = reset

    def blueprint(self) -> Blueprint:
        """The views under their addresses; ``/_localstack/health`` is the one that wait strategies know."""
        admin = Blueprint("admin", __name__)
        admin.add_url_rule("/_localstack/health", "localstack_health", self.health)
        admin.add_url_rule("/_ecr/health", view_func=self.health)
        admin.add_url_rule("/_ecr/ready", view_func=self.ready)
        admin.add_url_rule("/_ecr/clock", view_func=self.clock)
        admin.add_url_rule("/_ecr/clock", view_func=self.move_clock, methods=["POST"])
        admin.add_url_rule("/_ecr/events", view_func=self.events)
        admin.add_url_rule("/_ecr/reset", view_func=self.reset, methods=["POST"])
        return admin

    def health(self) -> ResponseReturnValue:
        """The process is alive."""
        return jsonify(status="ok", version=__version__, services={"ecr": "running"})

    def ready(self) -> ResponseReturnValue:
        """The database answers."""
        with self._services.store.reading() as work:
            work.repositories.find(self._services.home, "ready")
        return jsonify(status="ready")

    def clock(self) -> ResponseReturnValue:
        """The emulator's time."""
        return jsonify(now=self._clock.now().isoformat())

    def move_clock(self) -> ResponseReturnValue:
        """Move the emulator's time on: ``{"advance": "24h"}``."""
        body: Any = request.get_json(silent=True)
        advance = body.get("advance") if isinstance(body, dict) else None
        try:
            by = parse_duration(str(advance))
        except ValueError as wrong:
            return jsonify(error=f'The body must be like {{"advance": "24h"}}: {wrong}'), 400
        return jsonify(now=self._clock.advance(by).isoformat())

    def events(self) -> ResponseReturnValue:
        """The events after the one whose key is ``?after=``, oldest first, with the key to go on from."""
        after = request.args.get("after", "0")
        if not after.isdecimal():
            return jsonify(error=f"after={after!r} must be the key of an event, a number"), 400
        with self._services.store.reading() as work:
            found = work.events.after(int(after), EVENTS_PER_PAGE)
        last = found[-1].key if found else int(after)
        return jsonify(events=[event.envelope() for event in found], last=last)

    def reset(self) -> ResponseReturnValue:
        """Forget everything."""
        self._reset()
        return jsonify(status="empty")
