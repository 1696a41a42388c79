"""``/_ecr/…``: what users of an emulator may ask and tell it beyond Amazon's API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from ecr_emulator import __version__
from ecr_emulator.admin.bodies import json_body
from ecr_emulator.admin.pull_through import PullThroughAdmin
from ecr_emulator.domain.durations import parse_duration
from ecr_emulator.domain.findings import EVERY_IMAGE, read_findings
from ecr_emulator.domain.names import is_digest
from ecr_emulator.errors import StorageFailure
from ecr_emulator.services import Services
from ecr_emulator.services.clock_moves import MovableClock, move_clock
from ecr_emulator.services.lifecycle import EVALUATE

EVENTS_PER_PAGE = 1_000
WELCOME = """ECR emulator {version}

  export AWS_ENDPOINT_URL={url}

{url}/_ecr/health             alive
{url}/_ecr/ready              ready
{url}/_ecr/clock              GET: the time; POST {{"advance": "24h"}}: move it
{url}/_ecr/events             what EventBridge would have been told
{url}/_ecr/rules              how pull through cache rules and their upstreams are doing
{url}/_ecr/refresh            POST {{"image": "<repository>[:<tag>]"}}: ask the upstream now
{url}/_ecr/pull               POST {{"image": "<repository>:<tag>"}}: bring an image into the cache
{url}/_ecr/lifecycle          POST: evaluate all lifecycle policies now
{url}/_ecr/gc                 POST {{"grace": "1h"}}: remove uploads and layers that nobody needs
{url}/_ecr/findings/<digest>  PUT {{"findings": [...]}}: what scans of an image find; * for every image
{url}/_ecr/reset              POST: forget everything
"""


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
        body: Any = json_body()
        advance = body.get("advance", "") if isinstance(body, dict) else ""
        try:
            now = move_clock(self._clock, self._services.background, parse_duration(str(advance)))
        except ValueError as wrong:
            return jsonify(error=f'The body must be like {{"advance": "24h"}}: {wrong}'), 400
        return jsonify(now=now.isoformat())

    def events(self) -> ResponseReturnValue:
        """The events after the one whose key is ``?after=``, oldest first, with the key to go on from.

        ``missed`` is how many came between and are forgotten by now.
        """
        after = request.args.get("after", "0")
        if not after.isdecimal():
            return jsonify(error=f"after={after!r} must be the key of an event, a number"), 400
        with self._services.store.reading() as work:
            found = work.events.after(int(after), EVENTS_PER_PAGE)
        last = found[-1].key if found else int(after)
        missed = found[0].key - int(after) - 1 if found else 0
        return jsonify(events=[event.envelope() for event in found], last=last, missed=missed)

    def evaluate_lifecycle_policies(self) -> ResponseReturnValue:
        """Evaluate the lifecycle policies of all repositories now, not within a day."""
        number = self._services.background.run_now(EVALUATE, self._clock.now())
        return jsonify(evaluated=number)

    def collect_garbage(self) -> ResponseReturnValue:
        """Remove what nobody needs now, not within a day; ``{"grace": "1h"}`` spares what is younger."""
        body: Any = json_body()
        given = body.get("grace", "24h") if isinstance(body, dict) else "24h"
        try:
            grace = parse_duration(str(given))
        except ValueError as wrong:
            return jsonify(error=f'The body must be like {{"grace": "1h"}}, or empty: {wrong}'), 400
        return jsonify(asdict(self._services.collector.collect(self._clock.now(), grace)))

    def findings(self, digest: str) -> ResponseReturnValue:
        """What scans of an image find."""
        with self._services.store.reading() as work:
            findings = work.known_findings.find(digest)
        return _unknown(digest) if findings is None else jsonify(digest=digest, findings=findings)

    def put_findings(self, digest: str) -> ResponseReturnValue:
        """Say what scans of an image will find, or those of every image of which nothing else is said."""
        if digest != EVERY_IMAGE and not is_digest(digest):
            return jsonify(error=f"{digest!r} must be the digest of an image, or {EVERY_IMAGE} for every image"), 400
        try:
            findings = read_findings(json_body())
        except ValueError as wrong:
            return jsonify(error=f'The body must be like {{"findings": [{{"name": "CVE-…", …}}]}}: {wrong}'), 400
        with self._services.store.writing() as work:
            work.known_findings.put(digest, findings)
        return jsonify(digest=digest, findings=findings)

    def delete_findings(self, digest: str) -> ResponseReturnValue:
        """Know nothing of an image any more: its scans fail, or find what those of every image do."""
        with self._services.store.writing() as work:
            findings = work.known_findings.find(digest)
            work.known_findings.remove(digest)
        return _unknown(digest) if findings is None else jsonify(digest=digest, findings=findings)

    def reset(self) -> ResponseReturnValue:
        """Forget everything."""
        self._reset()
        return jsonify(status="empty")


def admin_app(admin: Admin, pull_through: PullThroughAdmin) -> Flask:
    """The views under their addresses; ``/_localstack/health`` is the one that wait strategies know."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/", view_func=admin.welcome)
    app.add_url_rule("/_localstack/health", "localstack_health", admin.health)
    app.add_url_rule("/_ecr/health", view_func=admin.health)
    app.add_url_rule("/_ecr/ready", view_func=admin.ready)
    app.add_url_rule("/_ecr/clock", view_func=admin.clock)
    app.add_url_rule("/_ecr/clock", view_func=admin.move_clock, methods=["POST"])
    app.add_url_rule("/_ecr/events", view_func=admin.events)
    app.add_url_rule("/_ecr/lifecycle", view_func=admin.evaluate_lifecycle_policies, methods=["POST"])
    app.add_url_rule("/_ecr/gc", view_func=admin.collect_garbage, methods=["POST"])
    app.add_url_rule("/_ecr/rules", view_func=pull_through.rules)
    app.add_url_rule("/_ecr/refresh", view_func=pull_through.refresh, methods=["POST"])
    app.add_url_rule("/_ecr/pull", view_func=pull_through.pull, methods=["POST"])
    app.add_url_rule("/_ecr/findings/<digest>", view_func=admin.findings)
    app.add_url_rule("/_ecr/findings/<digest>", view_func=admin.put_findings, methods=["PUT"])
    app.add_url_rule("/_ecr/findings/<digest>", view_func=admin.delete_findings, methods=["DELETE"])
    app.add_url_rule("/_ecr/reset", view_func=admin.reset, methods=["POST"])
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(StorageFailure, _no_room)
    return app


def _no_room(failure: StorageFailure) -> ResponseReturnValue:
    return jsonify(error=failure.reason), 503


def _unknown(digest: str) -> ResponseReturnValue:
    return jsonify(error=f"Nothing has been said of findings in {digest!r}"), 404


def _refused(error: HTTPException) -> ResponseReturnValue:
    return jsonify(error=f"{request.method} {request.path}: {_reason(error)}"), error.code or 500


def _reason(error: HTTPException) -> str | None:
    if isinstance(error, NotFound):
        return "There is nothing at this address; GET / lists what there is"
    if isinstance(error, MethodNotAllowed):
        return f"This address takes {', '.join(sorted(set(error.valid_methods or ()) - {'HEAD', 'OPTIONS'}))} only"
    return error.description
