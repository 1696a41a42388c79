"""``/_ecr/health``, ``/_ecr/ready``, ``/_ecr/clock``, ``/_ecr/events`` and ``/_ecr/reset``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ecr_emulator import __version__
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.services import Services

EVENTS_PER_PAGE = 1_000
WELCOME = """ECR emulator {version}

  export AWS_ENDPOINT_URL={url}

{url}/_ecr/health   alive
{url}/_ecr/ready    ready
{url}/_ecr/clock    GET: the time; POST {{"advance": "24h"}}: move it
{url}/_ecr/events   what EventBridge would have been told
{url}/_ecr/reset    POST: forget everything
"""


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

    def welcome(self) -> ResponseReturnValue:
        """What somebody sees who opens the endpoint in a browser."""
        text = WELCOME.format(version=__version__, url=request.host_url.rstrip("/"))
        return text, {"Content-Type": "text/plain; charset=utf-8"}

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
        """Move the emulator's time on: ``{"advance": "24h"}``. What falls due meanwhile is done before the answer."""
        body: Any = request.get_json(silent=True)
        advance = body.get("advance") if isinstance(body, dict) else None
        try:
            by = parse_duration(str(advance))
        except ValueError as wrong:
            return jsonify(error=f'The body must be like {{"advance": "24h"}}: {wrong}'), 400
        now = self._clock.advance(by)
        self._services.background.catch_up(now)
        return jsonify(now=now.isoformat())

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


def admin_app(admin: Admin) -> Flask:
    """The views under their addresses; ``/_localstack/health`` is the one that wait strategies know."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", view_func=admin.welcome)
    app.add_url_rule("/_localstack/health", "localstack_health", admin.health)
    app.add_url_rule("/_ecr/health", view_func=admin.health)
    app.add_url_rule("/_ecr/ready", view_func=admin.ready)
    app.add_url_rule("/_ecr/clock", view_func=admin.clock)
    app.add_url_rule("/_ecr/clock", view_func=admin.move_clock, methods=["POST"])
    app.add_url_rule("/_ecr/events", view_func=admin.events)
    app.add_url_rule("/_ecr/reset", view_func=admin.reset, methods=["POST"])
    app.register_error_handler(HTTPException, _refused)
    return app


def _refused(error: HTTPException) -> ResponseReturnValue:
    return jsonify(error=f"{request.method} {request.path}: {error.description}"), error.code or 500
